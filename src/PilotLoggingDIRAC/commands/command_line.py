# SPDX-License-Identifier: GPL-3.0-only
"""What the commands for readers and administrators have in common: switches, which logs are meant, the collector's
answers. How they end stands in :mod:`.ending`, what switches take in :mod:`.kinds`."""

from __future__ import annotations

import getopt
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import interrupts  # noqa: F401  # before DIRAC, which takes a second to import

# isort: split

from DIRAC import S_OK
from DIRAC.Core.Base.Script import Script

from ..dirac_bridge.stdout import take_stdout
from ..model import FACTS
from ..terminal.appearance import WISHES
from ..terminal.in_order import rows_in_order
from ..terminal.line_output import levels_from
from .ending import fail_use, run, say
from .harmless_streams import make_streams_harmless
from .kinds import ALL, Kind, duration, limit, moment, name, names, number, one_of, path, text
from .output import Output
from .start import parse_command_line

__all__ = [
    "ALL",
    "Collector",
    "Kind",
    "Script",
    "Selection",
    "Switches",
    "duration",
    "fail_use",
    "limit",
    "line_query",
    "moment",
    "name",
    "number",
    "one_of",
    "path",
    "run",
    "say",
]


class Switches:
    """The switches of one command, with their values.

    DIRAC would end a command with the exit code of something else when one of them is wrong; so what is wrong is noted,
    and :meth:`parse` ends it. None is passed over: one that is given twice or empty is wrong.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._wrong = ""
        self.output = Output(take_stdout())
        make_streams_harmless()

    def flag(self, name: str, meaning: str, short: str = "") -> None:
        """A switch without a value."""
        Script.registerSwitch(short, name, meaning, Kind(lambda _: self._keep(name, True)))

    def value(self, name: str, meaning: str, take: Callable[[str], Any] | None = None, short: str = "") -> None:
        """A switch with a value.

        Args:
            take: Makes the value from what was typed, perhaps a :class:`Kind`; a ValueError says what it takes. By
                default a text that is not empty.
        """
        kind = take if isinstance(take, Kind) else Kind(take or text)

        def taken(typed: str) -> Any:
            if name in self._values:
                self._note(f"--{name} is given twice")
            return self._take(name, typed, kind)

        self._register(name, meaning, short, Kind(taken, kind.words, kind.files))

    def values(self, name: str, meaning: str, short: str = "") -> None:
        """A switch with one or more names, separated by commas; it may be given several times."""

        def taken(typed: str) -> Any:
            return self._take(name, typed, lambda _: [*self._values.get(name, ()), *names(typed)])

        self._register(name, meaning, short, Kind(taken))

    def _register(self, name: str, meaning: str, short: str, kind: Kind) -> None:
        Script.registerSwitch(f"{short}:" if short else "", f"{name}=", meaning, kind)

    def look(self, pages: bool = True) -> None:
        """The switches for what the result looks like."""
        self.value("color", f"One of {', '.join(WISHES)}; by default as NO_COLOR and the terminal say", one_of(*WISHES))
        if pages:
            self.flag("no-pager", "Not through a pager (on a terminal PAGER, or less)")

    def _take(self, name: str, typed: str, take: Callable[[str], Any]) -> Any:
        try:
            return self._keep(name, take(typed))
        except ValueError as error:
            self._note(f"--{name} takes {error}, not {typed!r}")
            return S_OK()

    def _keep(self, name: str, value: Any) -> Any:
        self._values[name] = value
        return S_OK()

    def _note(self, sentence: str) -> None:
        self._wrong = self._wrong or sentence

    def parse(self, arguments: bool = True) -> list[str]:
        """Read the command line; gives the arguments. Ends the process if a switch is wrong.

        Args:
            arguments: Whether the command takes any.
        """
        _check_switches(self.output)
        _, given = parse_command_line()
        if self._wrong:
            fail_use(self._wrong)
        if given and not arguments:
            fail_use(f"takes no argument such as {given[0]!r}")
        self.output.begin(self["color"] or "auto")
        return given

    def pages(self, wanted: bool = True) -> None:
        """Let the result go through a pager, if this is a terminal and nobody minds."""
        self.output.begin(self["color"] or "auto", wanted and not self["no-pager"])

    def exclude(self, one: str, *others: str) -> None:
        """End the process if a switch is given with another one, of which it would make nothing."""
        for other in others:
            if self[one] is not None and self[other] is not None:
                fail_use(f"takes --{one} or --{other}, not both")

    def __getitem__(self, name: str) -> Any:
        """The value of a switch; None if it was not given."""
        return self._values.get(name)


def _check_switches(output: Output) -> None:
    """Before DIRAC reads the command line: it would print all its help where a switch is wrong, and its help to where
    its log goes. Ends the process at an unknown switch."""
    options = Script.localCfg.commandOptionList
    try:
        getopt.gnu_getopt(sys.argv[1:], "".join(each[0] for each in options), [each[1] for each in options if each[1]])
    except getopt.GetoptError as error:
        fail_use(f"{error}; see {Script.scriptName} --help")
    show = Script.localCfg.showHelp

    def show_help(dummy: Any = False, exitCode: int = 0) -> None:
        if exitCode == 0:
            output.give_back()
        show(dummy, exitCode)

    Script.localCfg.showHelp = show_help


class Selection:
    """The switches that select logs, the same for all commands."""

    _PARTS = tuple(fact for fact in FACTS if fact.searched)
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
        switches.value("VO", "The pilots' VO; by default that of your proxy", name, short="V")
        for fact in self._PARTS:
            switches.value(fact.word, f"Part of the {fact.meaning}, in any case", name)
        switches.value("state", f"One of {', '.join(self._STATES)}", one_of(*self._STATES))
        switches.value("exit-code", "The pilot's exit code", number(0, 2**31 - 1))
        switches.value("since", "Logs with a line after this time (2026-06-10T11:02), or so long ago (90s, 2d)", moment)
        switches.value("until", "Logs that began before this time", moment)
        for flag, _, meaning in self._FLAGS:
            switches.flag(flag, meaning)

    def document(self) -> dict[str, Any]:
        """As the collector takes it."""
        given = self._switches
        document: dict[str, Any] = {column: True for flag, column, _ in self._FLAGS if given[flag]}
        plain = (("VO", "VO"), ("state", "State"), ("exit-code", "ExitCode"), ("since", "Since"), ("until", "Until"))
        document |= {column: given[switch] for switch, column in plain if given[switch] is not None}
        if document.get("State") == "Quiet":  # no state of the database's
            document |= {"State": "Open", "Quiet": True}
        parts = {fact.column: given[fact.word] for fact in self._PARTS if given[fact.word]}
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
        from ..dirac_bridge.results import value_of

        return value_of(getattr(self._client, method)(*arguments), doing)

    def rows(
        self, selection: dict[str, Any], sort: list[Any], limit: int, page: int = 1000
    ) -> Iterator[tuple[Any, int]]:
        """Rows of the list of logs, each with the number of all; see :func:`..terminal.in_order.rows_in_order`."""
        return rows_in_order(partial(self.ask, "listing the logs", "listLogs"), selection, sort, limit, page)


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
        query["levels"] = levels_from(level)
    return query
