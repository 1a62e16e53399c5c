# SPDX-License-Identifier: GPL-3.0-only
"""What a pilot of a VO does with its log on a CE, from its options: who sends it, and to whom."""

from __future__ import annotations

import getopt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .sections import Options, elements
from .worker_node import MODULE, is_collector_url, usable_urls

_SHORT = "a:cde:g:hkl:n:o:m:r:s:t:u:x:y:zC:D:E:F:G:K:M:N:O:P:Q:R:S:T:W:X:Z:"
_LONG = ["pilotLogging", "loggerURL=", "commandExtensions="]
_OPTIONS = ("RemoteLogging", "RemoteLoggerURL", "RemoteLoggerCEsWhiteList", "CommandExtensions", "PilotLogLevel")
"""What the pilot takes for texts."""
_NUMBERS = {"RemoteLoggerTimerInterval": "seconds", "RemoteLoggerBufsize": "lines"}
"""What the pilot itself takes for whole numbers, before the module has a say."""
SENDS_NOWHERE = "data:"
"""How the URL begins that the pilot's own logger takes, and sends nothing to; see ``docs/pilots.md``."""


class Sender(Enum):
    """Who sends a pilot's log."""

    NOBODY = "nobody"
    OWN = "the pilot's own remote logger"
    MODULE = "the worker-node module"
    BOTH = "the pilot's own remote logger, and from the first command on the worker-node module"
    FATAL = "nobody, for the pilot ends at its start"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What the pilot's command line says of logging; it counts more than the CS."""

    logging: bool = False
    url: str | None = None
    extensions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a pilot does.

    Attributes:
        sender: Who sends.
        urls: The collectors that are tried; one of them with the pilot's own logger alone.
        reason: What decided, as a sentence.
    """

    sender: Sender
    urls: tuple[str, ...]
    reason: str

    @property
    def sends(self) -> bool:
        """Whether anything is sent to a collector."""
        return self.sender not in (Sender.NOBODY, Sender.FATAL)


def command_line(extra: str) -> CommandLine:
    """What ``ExtraPilotOptions`` of a queue put on the command line: commas there begin another option.

    Raises:
        ValueError: The pilot cannot read them.
    """
    words = " ".join(word.strip() for word in extra.split(",")).split()
    try:
        given, _ = getopt.getopt(words, _SHORT, _LONG)
    except getopt.GetoptError as error:
        raise ValueError(str(error)) from error
    values = dict(given)
    extensions = values.get("-E", values.get("--commandExtensions"))
    return CommandLine(
        logging=bool({"-z", "--pilotLogging"} & values.keys()),
        url=values.get("-g", values.get("--loggerURL")),
        extensions=None if extensions is None else tuple(extensions.split(",")),
    )


def decide(options: Options, ce: str, line: CommandLine | None = None) -> Decision:
    """What a pilot on a CE does.

    Args:
        options: As :func:`~.sections.as_pilot_reads` gives them.
        ce: Name of the CE, as the pilot is told.
        line: What its command line says.
    """
    line = line or CommandLine()
    if fatal := first_fatal(options):
        return Decision(Sender.FATAL, (), fatal)
    switch, listed = options.get("RemoteLogging"), is_listed(options, ce)
    on = bool(switch and switch.value.upper() == "TRUE") and listed
    if not on and not line.logging:
        return Decision(Sender.NOBODY, (), _why_off(options, listed))
    url = options["RemoteLoggerURL"].value if "RemoteLoggerURL" in options else None
    url = url if line.url is None else line.url
    several = options["RemoteLoggerURLs"].value if "RemoteLoggerURLs" in options else None
    urls = usable_urls(several) or usable_urls(url)
    own = url is not None and not url.startswith(SENDS_NOWHERE)
    if own and (not is_collector_url(str(url)) or "," in str(url)):
        where = _place(options, "RemoteLoggerURL", "-g")
        return Decision(Sender.FATAL, (), f"{where} = {url!r} ends pilots at their start: it is not one https URL.")
    extensions = extensions_of(options) if line.extensions is None else list(line.extensions)
    module = MODULE in extensions and listed and bool(urls)
    if module:
        why = f"{_place(options, 'CommandExtensions', '-E')} names {MODULE}, and "
        why += (
            _place(options, "RemoteLoggerURLs" if usable_urls(several) else "RemoteLoggerURL", "-g") + " the collector"
        )
        return Decision(Sender.BOTH if own else Sender.MODULE, tuple(urls), f"{why}.")
    if own:
        assert url is not None
        return Decision(Sender.OWN, (url,), f"{_place(options, 'RemoteLoggerURL', '-g')} is set.")
    return Decision(Sender.NOBODY, (), _why_nobody(options, extensions))


def first_fatal(options: Options) -> str:
    """The first option with which the pilot ends before it has begun, as a sentence; empty where there is none."""
    for name in _OPTIONS:
        option = options.get(name)
        if option and isinstance(option.value, Mapping):
            return f"{option.path} is a section where the pilot takes a text: it ends at its start."
    for name, unit in _NUMBERS.items():
        option = options.get(name)
        if option is None:
            continue
        try:
            int(option.value)
        except (TypeError, ValueError):
            return (
                f"{option.path} = {option.value!r} ends pilots at their start: give a whole number of {unit}, no unit."
            )
    return ""


def white_list(options: Options) -> list[str] | None:
    """The CEs that ``RemoteLoggerCEsWhiteList`` names; None where there is no such list, and all send."""
    option = options.get("RemoteLoggerCEsWhiteList")
    return elements(option.value) if option else None


def is_listed(options: Options, ce: str) -> bool:
    """Whether a CE is on the white list, or there is none."""
    names = white_list(options)
    return names is None or ce in names


def extensions_of(options: Options) -> list[str]:
    """The modules with commands, in the order in which the pilot looks into them."""
    option = options.get("CommandExtensions")
    return elements(option.value) if option and option.value else []


def _place(options: Options, name: str, switch: str) -> str:
    return options[name].path if name in options else switch


def _why_off(options: Options, listed: bool) -> str:
    switch = options.get("RemoteLogging")
    if switch is None:
        return "RemoteLogging is set nowhere."
    if switch.value.upper() != "TRUE":
        return f"{switch.path} = {switch.value!r}; only true switches it on."
    assert not listed
    return f"{options['RemoteLoggerCEsWhiteList'].path} does not name the CE."


def _why_nobody(options: Options, extensions: list[str]) -> str:
    if "RemoteLoggerURLs" in options and MODULE not in extensions:
        return (
            f"{options['RemoteLoggerURLs'].path} is for the worker-node module, and CommandExtensions does not name "
            f"{MODULE}; there is no RemoteLoggerURL."
        )
    return "Neither RemoteLoggerURL nor RemoteLoggerURLs names a collector."
