# SPDX-License-Identifier: GPL-3.0-only
"""The least that must change in the CS for a VO's logs to be switched on or off, on all CEs or on some.

Where CEs are named, all other CEs go on as they did. All is written into ``/Operations/<VO>/Pilot``, which counts most;
options are removed from sections of that VO only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError, Rejected
from ..text import one_line
from .decision import SENDS_NOWHERE, decide, extensions_of, first_fatal, white_list
from .sections import Options, Tree, as_pilot_reads, found, is_own, own_section, places
from .worker_node import MODULE, is_collector_url, usable_urls

_CE = re.compile(r"[A-Za-z0-9._:/-]{1,255}")
_IN_NO_URL = re.compile(r"[\s,#=]")
_NO_CE = "\0"
"""The name of no CE: what holds for it holds for all that no list names."""


@dataclass(frozen=True, slots=True)
class Change:
    """One option to set or remove.

    Attributes:
        path: Its full path in the CS.
        old: Its value there now; None where it is not there.
        new: What it shall be; None to remove it.
    """

    path: str
    old: str | None
    new: str | None


class Draft:
    """The changes that are wanted of a VO's sections; one that changes nothing is left out."""

    def __init__(self, operations: Tree, vo: str, setup: str) -> None:
        """Nothing is changed yet."""
        self._operations, self.vo, self._setup = operations, vo, setup
        self.options: Options = as_pilot_reads(operations, vo, setup)
        self.changes: list[Change] = []

    def value(self, name: str) -> str | None:
        """What holds for pilots now."""
        return self.options[name].value if name in self.options else None

    def set(self, name: str, value: str) -> None:
        """Let pilots of the VO have this value."""
        if self.value(name) != value:
            section = own_section(self.vo)
            self.changes.append(Change(f"{section}/{name}", found(self._operations, section).get(name), value))

    def remove(self, name: str, instead: str) -> None:
        """Let pilots of the VO have no such option.

        Raises:
            ConfigurationError: It stands in a section that other VOs read too; ``instead`` says what to do.
        """
        for path in places(self._operations, name, self.vo, self._setup):
            if not is_own(path, self.vo):
                raise ConfigurationError(
                    path, f"holds for other VOs too, and cannot be unset for one of them: {instead}"
                )
            section, _, _ = path.rpartition("/")
            self.changes.append(Change(path, found(self._operations, section)[name], None))


def plan_enabling(
    operations: Tree,
    vo: str,
    ces: Sequence[str],
    urls: Sequence[str],
    known_urls: Sequence[str],
    module: bool,
    setup: str,
) -> list[Change]:
    """What must change for pilots of a VO to send their logs.

    Args:
        operations: The whole ``/Operations`` section as it is now.
        vo: The VO.
        ces: Only on these CEs, beside those that send already; empty: on all.
        urls: To these collectors; empty: to those that are set, else to ``known_urls``.
        known_urls: The collectors that the CS knows.
        module: With the worker-node module instead of the pilot's own logger (way A of ``docs/pilots.md``).
        setup: ``/DIRAC/DefaultSetup``.

    Raises:
        Rejected: An argument cannot be used.
        ConfigurationError: What other VOs read stands in the way.
    """
    _check(ces, urls)
    draft = Draft(operations, vo, setup)
    if fatal := first_fatal(draft.options):
        raise Rejected(f"{fatal} Mend that first.")
    sending = _sends(draft.options)
    if (draft.value("RemoteLogging") or "").upper() != "TRUE":
        draft.set("RemoteLogging", "true")
    extensions = extensions_of(draft.options)
    url = draft.value("RemoteLoggerURL")
    own_logger = url is not None and not url.startswith(SENDS_NOWHERE)
    if module:
        _put_first(draft, extensions)
        if own_logger:
            draft.remove("RemoteLoggerURL", "move it into /Operations/<VO>/Pilot of each VO that goes on with it.")
    if module or (MODULE in extensions and not own_logger):
        if urls or not usable_urls(draft.value("RemoteLoggerURLs")):
            draft.set("RemoteLoggerURLs", ", ".join(_urls(urls or known_urls)))
    elif urls or url is None or "," in url or not is_collector_url(url):
        draft.set("RemoteLoggerURL", _one(urls, known_urls))
        if urls and MODULE in extensions and draft.value("RemoteLoggerURLs") is not None:
            draft.set("RemoteLoggerURLs", urls[0])
    _list(draft, ces, sending)
    return draft.changes


def plan_disabling(operations: Tree, vo: str, ces: Sequence[str], setup: str) -> list[Change]:
    """What must change for pilots of a VO to send nothing, on some CEs or on all.

    Raises:
        Rejected: An argument cannot be used.
        ConfigurationError: All CEs send, so that none can be taken out.
    """
    _check(ces, ())
    draft = Draft(operations, vo, setup)
    if (draft.value("RemoteLogging") or "").upper() != "TRUE":
        return []
    names = white_list(draft.options)
    if ces and names is None:
        raise ConfigurationError(
            f"{own_section(vo)}/RemoteLoggerCEsWhiteList",
            "is not set, so all CEs send, and none can be taken out: disable the VO, then enable it with --ce for the "
            "CEs that shall go on.",
        )
    left = [name for name in names or () if name not in ces] if ces else []
    if left == names:
        return []
    if any(left):
        draft.set("RemoteLoggerCEsWhiteList", ", ".join(left))
    else:
        draft.set("RemoteLogging", "false")
    return draft.changes


def apply_changes(operations: Tree, changes: Sequence[Change]) -> dict[str, Any]:
    """A copy of ``/Operations`` with the changes made."""
    copy = _copied(operations)
    for change in changes:
        *names, option = change.path.removeprefix("/Operations/").split("/")
        section = copy
        for name in names:
            section = section.setdefault(name, {})
        if change.new is None:
            section.pop(option, None)
        else:
            section[option] = change.new
    return copy


def _copied(tree: Tree) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, Mapping) else value for name, value in tree.items()}


def describe(changes: Sequence[Change]) -> Iterator[str]:
    """The changes as lines of a difference, section by section."""
    section = ""
    for change in sorted(changes, key=lambda change: change.path.rpartition("/")[0]):
        where, _, name = change.path.rpartition("/")
        if where != section:
            section = where
            yield section
        if change.old is not None:
            yield f"  - {name} = {change.old}"
        if change.new is not None:
            yield f"  + {name} = {change.new}"


def _check(ces: Sequence[str], urls: Sequence[str]) -> None:
    for ce in ces:
        if not _CE.fullmatch(ce):
            raise Rejected(f"{one_line(repr(ce), 80)} cannot be the name of a CE.")
    for url in urls:
        if not is_collector_url(url) or _IN_NO_URL.search(url):
            raise Rejected(f"{one_line(repr(url), 200)} is no https URL of a collector.")


def _sends(options: Options) -> bool:
    """Whether pilots send, on any CE."""
    return any(decide(options, ce).sends for ce in white_list(options) or [_NO_CE])


def _put_first(draft: Draft, extensions: Sequence[str]) -> None:
    if not extensions or extensions[0] != MODULE:
        draft.set("CommandExtensions", ", ".join([MODULE, *(name for name in extensions if name not in ("", MODULE))]))


def _urls(urls: Sequence[str]) -> Sequence[str]:
    if not urls:
        raise ConfigurationError(
            "/Systems/WorkloadManagement/URLs/TornadoPilotLogging",
            "names no collector: dirac-install-component WorkloadManagement/TornadoPilotLogging first, or give --url.",
        )
    return urls


def _one(urls: Sequence[str], known_urls: Sequence[str]) -> str:
    if len(urls) > 1:
        raise Rejected("The pilot's own remote logger takes one URL: give one --url, or --module as well.")
    return _urls(urls or known_urls)[0]


def _list(draft: Draft, ces: Sequence[str], sending: bool) -> None:
    names = white_list(draft.options)
    if not ces:
        if names is not None:
            draft.remove("RemoteLoggerCEsWhiteList", "name CEs with --ce, or move it into the sections of those VOs.")
    elif not sending:
        # What an older list names did not send, and shall not begin to.
        if names is None or set(names) != set(ces):
            draft.set("RemoteLoggerCEsWhiteList", ", ".join(dict.fromkeys(ces)))
    elif names is not None and not set(ces) <= set(names):
        draft.set("RemoteLoggerCEsWhiteList", ", ".join(dict.fromkeys([*filter(None, names), *ces])))
