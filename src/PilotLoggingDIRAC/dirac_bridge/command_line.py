"""What the commands for readers have in common: switches, the collector's answers, and ends in one sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from DIRAC import S_OK
from DIRAC import exit as DIRACExit
from DIRAC.Core.Base.Script import Script

from ..errors import PilotLoggingError
from ..read.shown_lines import from_level
from .start import connect, parse_command_line

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGO = re.compile(r"([0-9]{1,6})([mhdw])")
WRONG_USE = 2
"""The exit code of a command that was called wrongly."""


class Switches:
    """The switches of one command, with their values.

    DIRAC would end a command with the exit code of something else when one of them is wrong; so what is wrong is noted,
    and :meth:`parse` ends it.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._wrong = ""

    def flag(self, name: str, meaning: str, short: str = "") -> None:
        """A switch without a value."""
        Script.registerSwitch(short, name, meaning, self._taker(name, lambda _: True))

    def value(self, name: str, meaning: str, take: Callable[[str], Any] = str, short: str = "") -> None:
        """A switch with a value.

        Args:
            take: Makes the value from what was typed; a ValueError says what it takes.
        """
        Script.registerSwitch(f"{short}:" if short else "", f"{name}=", meaning, self._taker(name, take))

    def _taker(self, name: str, take: Callable[[str], Any]) -> Callable[[str], Any]:
        def taken(typed: str) -> Any:
            try:
                self._values[name] = take(typed)
            except ValueError as error:
                self._wrong = self._wrong or f"--{name} takes {error}, not {typed!r}"
            return S_OK()

        return taken

    def parse(self) -> list[str]:
        """Read the command line; gives the arguments. Ends the process if a switch is wrong."""
        _, arguments = parse_command_line()
        if self._wrong:
            fail_use(self._wrong)
        return arguments

    def __getitem__(self, name: str) -> Any:
        """The value of a switch; None if it was not given."""
        return self._values.get(name)


def fail_use(sentence: str) -> NoReturn:
    """End a command that was called wrongly."""
    say(sentence)
    DIRACExit(WRONG_USE)
    raise AssertionError("the process has ended")


def say(sentence: str) -> None:
    """A sentence for the person who has called the command, beside its output."""
    print(f"{Script.scriptName}: {sentence}", file=sys.stderr, flush=True)


def run(work: Callable[[], int]) -> NoReturn:
    """Do a command's work and end with the exit code that it gives: 1 with one sentence where it fails."""
    try:
        connect()
        code = work()
    except PilotLoggingError as error:
        say(str(error))
        code = 1
    except (BrokenPipeError, KeyboardInterrupt):
        # The reader has seen enough.
        sys.stderr.close()
        code = 0
    DIRACExit(code)
    raise AssertionError("the process has ended")


def number(least: int, most: int) -> Callable[[str], int]:
    """For :meth:`Switches.value`: a whole number."""

    def take(typed: str) -> int:
        if not re.fullmatch("[0-9]{1,15}", typed) or not least <= int(typed) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(typed)

    return take


def one_of(*words: str) -> Callable[[str], str]:
    """For :meth:`Switches.value`: one of some words, in any case."""
    known = {word.lower(): word for word in words}

    def take(typed: str) -> str:
        if typed.lower() not in known:
            raise ValueError(f"one of {', '.join(words)}")
        return known[typed.lower()]

    return take


def moment(typed: str) -> str:
    """For :meth:`Switches.value`: a time, or how long ago it was."""
    ago = _AGO.fullmatch(typed)
    try:
        if ago:
            return (datetime.now(UTC) - int(ago[1]) * _UNITS[ago[2]]).isoformat()
        time = datetime.fromisoformat(typed)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()
    except (ValueError, OverflowError):
        raise ValueError("a time in UTC such as 2026-06-10T11:02, or how long ago: 30m, 6h, 2d, 1w") from None


class Selection:
    """The switches that select logs, the same for all commands."""

    _PARTS = (
        ("site", "Site", "Part of the site's name, in any case"),
        ("ce", "CE", "Part of the computing element's name"),
        ("queue", "Queue", "Part of the queue's name"),
        ("host", "Host", "Part of the worker node's name"),
        ("reference", "PilotReference", "Part of the pilot's reference"),
    )
    _FLAGS = (
        ("errors", "HasErrors", "Only logs with errors"),
        ("warnings", "HasWarnings", "Only logs with warnings"),
        ("silent", "Silent", "Only logs closed without a goodbye, hours after the last line: killed, most likely"),
        ("quiet", "Quiet", "Only open logs without a line for longer than is usual for their sender: killed, or busy"),
        ("failed", "Failed", "Only pilots with an exit code other than 0"),
    )
    _STATES = ("Open", "Quiet", "Complete", "Silent", "Archived")

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        switches.value("VO", "The pilots' VO; by default that of your proxy", short="V")
        for name, _, meaning in self._PARTS:
            switches.value(name, meaning)
        switches.value("state", f"One of {', '.join(self._STATES)}", one_of(*self._STATES))
        switches.value("exit-code", "The pilot's exit code", number(0, 2**31 - 1))
        switches.value("since", "Logs with a line after this time (2026-06-10T11:02), or so long ago (2d)", moment)
        switches.value("until", "Logs that began before this time", moment)
        for name, _, meaning in self._FLAGS:
            switches.flag(name, meaning)

    def document(self) -> dict[str, Any]:
        """As the collector takes it."""
        given = self._switches
        document: dict[str, Any] = {column: True for name, column, _ in self._FLAGS if given[name]}
        plain = (("VO", "VO"), ("state", "State"), ("exit-code", "ExitCode"), ("since", "Since"), ("until", "Until"))
        document |= {column: given[name] for name, column in plain if given[name] is not None}
        if document.get("State") == "Quiet":  # no state of the database's
            document |= {"State": "Open", "Quiet": True}
        parts = {column: given[name] for name, column, _ in self._PARTS if given[name]}
        return document | ({"Contains": parts} if parts else {})


class Collector:
    """A collector, as commands ask it. To be made after the command line is read."""

    def __init__(self) -> None:
        from DIRAC.WorkloadManagementSystem.Client.TornadoPilotLoggingClient import TornadoPilotLoggingClient

        self._client = TornadoPilotLoggingClient()

    def ask(self, doing: str, method: str, *arguments: Any) -> Any:
        """What a method gives.

        Args:
            doing: For the sentence if it fails: "listing the logs".

        Raises:
            Rejected, NotFound, Unavailable: As the collector says, or because there is none.
        """
        from .results import value_of

        return value_of(getattr(self._client, method)(*arguments), doing)

    def rows(
        self, selection: dict[str, Any], sort: list[Any], limit: int, page: int = 1000
    ) -> Iterator[tuple[Any, int]]:
        """Rows of the list of logs, each with the number of all."""
        start = 0
        while start < limit:
            answer = self.ask("listing the logs", "listLogs", selection, sort, start, min(page, limit - start))
            for row in answer["rows"]:
                yield row, answer["total"]
            start += len(answer["rows"])
            if start >= answer["total"] or not answer["rows"]:
                return


def line_query(
    text: str | None = None, regex: str | None = None, level: str | None = None, ignore_case: bool | None = None
) -> dict[str, Any]:
    """Conditions for lines, as the collector takes them."""
    query: dict[str, Any] = {}
    if text is not None:
        query["text"] = text
    if regex is not None:
        query["regex"] = regex
    if query and ignore_case:
        query["ignoreCase"] = True
    if level is not None:
        query["levels"] = from_level(level)
    return query
