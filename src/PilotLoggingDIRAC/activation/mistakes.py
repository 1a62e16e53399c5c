# SPDX-License-Identifier: GPL-3.0-only
"""Mistakes and pitfalls in a VO's options: one sentence each, which begins with the option's path."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ..settings import VOSettings, option_names
from .decision import extensions_of, first_fatal, white_list
from .guess import guess
from .sections import (
    Options,
    Tree,
    as_components_read,
    as_pilot_reads,
    component_sections,
    found,
    is_own,
    own_section,
    pilot_sections,
    places,
)
from .worker_node import MODULE, NUMBERS, accepts_level, is_collector_url

SYNCHRONIZER = ("pilotVORepo", "pilotVORepoBranch", "pilotVOScriptsPath", "pilotRepo", "pilotFileServer", "Version")
"""What DIRAC's PilotSyncAgent reads, in ``Defaults`` only (``Version``: for the VO's repository)."""
PILOT = (
    "RemoteLogging",
    "RemoteLoggerURL",
    "RemoteLoggerURLs",
    "RemoteLoggerCEsWhiteList",
    "CommandExtensions",
    "PilotLogLevel",
    "RemoteLogLevel",
    *NUMBERS,
)
"""What pilots read, in the order in which it is shown."""
COMPONENTS = (*option_names(VOSettings), "RemoteLogsPriority")
_KNOWN = (*PILOT, *COMPONENTS, *SYNCHRONIZER, "UploadSE", "UploadPath")
_OTHERS = ("pilotRepoBranch", "pilotScriptsPath", "pilotScriptPath", "Commands", "Command")
"""What DIRAC reads there under names that are like some of these."""
_BELOW = ("StorageElement", "LocalDirectory", "MessageQueue", "Redaction")
"""Sections below."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that somebody should know.

    Attributes:
        sentence: It begins with the path of the option.
        grave: No log comes, or pilots are harmed, until it is mended.
    """

    sentence: str
    grave: bool


def mistakes(operations: Tree, vo: str, setup: str = "", known_ces: Collection[str] | None = None) -> list[Mistake]:
    """All mistakes in the options of a VO, the grave ones first.

    Args:
        operations: The whole ``/Operations`` section.
        vo: The VO.
        setup: The installation's ``/DIRAC/DefaultSetup``, empty where there is none.
        known_ces: The CEs in ``/Resources/Sites``; None where that is not known.
    """
    options = as_pilot_reads(operations, vo, setup)
    found: list[Mistake] = []
    if isinstance(operations.get("Setups"), Mapping):
        found.append(_grave("/Operations/Setups makes pilots read an old format, without remote logging: remove it."))
    if fatal := first_fatal(options):
        found.append(_grave(fatal))
    else:
        found += _of_switch(options)
        found += _of_white_list(options, known_ces)
        found += _of_urls(operations, options, vo, setup)
        found += _of_module(operations, options)
    found += _of_values(options)
    found += _of_places(operations, vo, setup)
    return sorted(found, key=lambda mistake: not mistake.grave)


def _grave(sentence: str) -> Mistake:
    return Mistake(sentence, True)


def _note(sentence: str) -> Mistake:
    return Mistake(sentence, False)


def _of_switch(options: Options) -> Iterator[Mistake]:
    switch = options.get("RemoteLogging")
    if switch and switch.value.upper() not in ("TRUE", "FALSE"):
        yield _grave(f"{switch.path} = {switch.value!r} does not switch it on: the pilot takes only the word true.")


def _of_white_list(options: Options, known_ces: Collection[str] | None) -> Iterator[Mistake]:
    names = white_list(options)
    if names is None:
        return
    path = options["RemoteLoggerCEsWhiteList"].path
    if not any(names):
        yield _grave(f"{path} is empty: no CE is on it, and no pilot sends. Name CEs, or remove the option for all.")
    if known_ces is None:
        return
    # Where no other CE is named, no pilot sends.
    grave = not any(name in known_ces for name in names)
    for name in names:
        if name and name not in known_ces:
            near = guess(name, known_ces, 0.8)
            yield Mistake(
                f"{path} names {name}, and /Resources/Sites has no such CE{f': is it {near}?' if near else '.'}", grave
            )


def _of_urls(operations: Tree, options: Options, vo: str, setup: str) -> Iterator[Mistake]:
    url, urls = options.get("RemoteLoggerURL"), options.get("RemoteLoggerURLs")
    module = MODULE in extensions_of(options)
    if url and not url.value.startswith("data:"):
        if "," in url.value:
            yield _grave(f"{url.path} takes one URL: the pilot takes {url.value!r} for one, and ends at its start.")
        elif not is_collector_url(url.value):
            yield _grave(f"{url.path} = {url.value!r} is no https URL: a pilot with remote logging ends at its start.")
        elif urls and module:
            where = ", ".join(places(operations, "RemoteLoggerURL", vo, setup))
            yield _note(
                f"{url.path} and {urls.path} are both set (way B of docs/pilots.md): until the first command the "
                f"pilot's own logger sends, and a collector that is away ends the pilot. For way A remove {where}."
            )
    for name in urls.value.split(",") if urls and isinstance(urls.value, str) else ():
        if name.strip() and not is_collector_url(name.strip()):
            where = options["RemoteLoggerURLs"].path
            yield _grave(f"{where} names {name.strip()!r}, which is no https URL of a collector.")
    if urls and not module:
        rest = "pilots send to RemoteLoggerURL alone." if url else "pilots send nothing."
        yield Mistake(
            f"{urls.path} is read by the worker-node module only, and CommandExtensions does not name {MODULE}: {rest}",
            grave=not url,
        )


def _of_module(operations: Tree, options: Options) -> Iterator[Mistake]:
    extensions = extensions_of(options)
    repository = as_components_read(operations, "Defaults").get("pilotVORepo")
    path = options["CommandExtensions"].path if "CommandExtensions" in options else "CommandExtensions"
    if MODULE in extensions:
        if extensions[0] != MODULE:
            yield _note(
                f"{path} names {MODULE} behind {extensions[0]}: what its commands print before that is imported is "
                "not sent by it. Make it the first."
            )
        if not repository:
            yield _note(
                f"{path} names {MODULE}, and /Operations/Defaults/Pilot/pilotVORepo is not set: unless its file comes "
                "to the pilots in another way (CVMFS, a web server of your own), it is not there, and does nothing."
            )
        return
    for name in extensions:
        if difflib.SequenceMatcher(None, name.lower(), MODULE.lower()).ratio() > 0.7:
            yield _grave(f"{path} names {name}: the worker-node module is {MODULE}, without Commands or .py behind it.")
    if repository and any(name in options for name in ("RemoteLoggerURLs", "RemoteLogLevel")):
        yield _note(
            f"{repository.path} is set, and CommandExtensions does not name {MODULE}: pilots get the file, "
            "if it is there, and do not use it."
        )


def _of_values(options: Options) -> Iterator[Mistake]:
    level = options.get("PilotLogLevel")
    if level and str(level.value).lower() not in ("info", "debug"):
        yield _note(f"{level.path} = {level.value!r} counts as INFO: the pilot knows INFO and DEBUG.")
    if MODULE not in extensions_of(options):
        return
    least = options.get("RemoteLogLevel")
    if least and not accepts_level(str(least.value)):
        yield _note(f"{least.path} = {least.value!r} is no level, and all is sent: give DEBUG, INFO, WARN or ERROR.")
    for name, number in NUMBERS.items():
        option = options.get(name)
        if option and not number.accepts(str(option.value)):
            yield _note(
                f"{option.path} = {option.value!r} is not taken by the worker-node module, which has {number.default} "
                f"instead: give a number from {number.least:g} to {number.most:g}."
            )


def _of_places(operations: Tree, vo: str, setup: str) -> Iterator[Mistake]:
    """Options where nobody reads them, and those that nobody reads anywhere."""
    read = set(component_sections(vo))
    for section in pilot_sections(vo, setup):
        for name in as_pilot_reads(operations, vo, setup):
            if f"{section}/{name}" not in set(places(operations, name, vo, setup)):
                continue
            if name in COMPONENTS and section not in read:
                where = " and ".join(sorted(read))
                yield _note(f"{section}/{name} is read by nobody: collector, agent and portal look into {where}.")
            elif name in SYNCHRONIZER[:3] and is_own(f"{section}/{name}", vo):
                yield _note(
                    f"{section}/{name} is read by nobody: PilotSyncAgent looks into /Operations/Defaults/Pilot."
                )
            elif name not in (*_KNOWN, *_OTHERS, *_BELOW):
                below = isinstance(found(operations, section).get(name), Mapping)
                if near := guess(name, _BELOW if below else _KNOWN, 0.85):
                    yield _note(f"{section}/{name} is read by nobody: is it {near}?")
    components = as_components_read(operations, vo)
    if "LoggingPlugins" not in components and ("UploadSE" in components) != ("UploadPath" in components):
        there, missing = ("UploadSE", "UploadPath") if "UploadSE" in components else ("UploadPath", "UploadSE")
        yield _note(
            f"{components[there].path} is set and {missing} is not: logs go to a directory of the agent's host. "
            f"Set {own_section(vo)}/{missing}."
        )
