# SPDX-License-Identifier: GPL-3.0-only
"""Certificates, collectors and pilots of one module's tests, and how they are compared."""

from __future__ import annotations

import re
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parts.credentials import write_credentials
from parts.layout import Layout
from pilot.harness import MODULE, Pilot, Result, Running, Site, differences, prepare, through_module, usual

from .collector import Collector, tls_context
from .shelf import Shelf

EXIT_TIME = 3
HASTY = {"RemoteLoggerExitTime": EXIT_TIME}
"""For pilots that find no collector at their end."""

SOON = 40
"""Seconds more that a pilot may take to be gone, on a busy machine: less than those in which it would be killed."""

PROMPTLY = 60
"""Seconds within which a pilot is gone that does find one: half of its exit time."""

QUICK = {
    "RemoteLoggerTimerInterval": 1,
    "RemoteLoggerConnectTimeout": 2,
    "RemoteLoggerReplyTimeout": 2,
    "RemoteLoggerExitTime": 2 * PROMPTLY,
}
"""Options with which a pilot is done with a fault in seconds, and yet has time on a busy machine."""

PATIENT = {"RemoteLoggerConnectTimeout": 100, "RemoteLoggerReplyTimeout": 100}
"""For pilots whose collectors are well: on a busy machine an answer may take more than QUICK's 2 s, and a collector
that is given up for that costs another connection."""

WAIT_FOR_GO = "while [ ! -e go ]; do echo waiting; sleep 0.1; done; rm go"
"""TEST_SHELL with which the command RunShell says something now and then, until ``go()``; each time it runs."""

WARN_UNTIL_GO = "while [ ! -e go ]; do echo 2026-06-10T11:02:02.823512Z WARN '[Test]' waiting; sleep 0.1; done; rm go"
"""The same with messages of a level that collectors who ask for warnings get."""

REST_UNTIL_GO = "while [ ! -e go ]; do sleep 0.1; done; rm go"
"""The same without a word."""

_CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{6}Z|took [\d.]+ s|'RemoteLogger\w+': [\d.]+")


@dataclass
class World:
    """Certificates as ``dev/stack`` makes them, below a folder, and all that was made with them."""

    folder: Path
    layout: Layout = field(init=False)
    _open: ExitStack = field(default_factory=ExitStack)
    _made: int = 0

    def __post_init__(self) -> None:
        self.layout = Layout(self.folder / "certificates")
        write_credentials(self.layout)
        layout = self.layout
        self._context = tls_context(layout.certificates, layout.host_certificate, layout.host_key)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._open.close()

    def new_folder(self) -> Path:
        """An empty one."""
        self._made += 1
        folder = self.folder / f"{self._made}-{secrets.token_hex(3)}"
        folder.mkdir()
        return folder

    def collector(self, shelf: Shelf | None = None, **where: Any) -> Collector:
        """One that is up and good; it ends with the world."""
        return self._open.enter_context(Collector(self._context, shelf, **where))

    def site(self, caller: str = "alpha_pilot") -> Site:
        return Site(self.layout.certificates, self.layout.credentials / f"{caller}.pem")

    def python_with_a_pipe(self) -> Path:
        """An interpreter whose output goes through a pipe, as under batch systems that stream it."""
        python = self.new_folder() / "python"
        pipe = '[ "$1" = dirac-pilot.py ] && exec > >(exec cat) 2>&1'
        python.write_text(f'#!/bin/bash\n{pipe}\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        return python

    def pilot(
        self,
        collectors: Sequence[Collector | str],
        commands: Sequence[str],
        options: Mapping[str, Any] | None = None,
        *,
        exit: int | None = None,
        module: Path | None = MODULE,
        environment: Mapping[str, str] | None = None,
        site: Site | None = None,
        folder: Path | None = None,
        **more: Any,
    ) -> Pilot:
        """A pilot that is ready to start.

        Args:
            options: On top of QUICK.
            exit: The pilot's last command is an exit with this code.
            more: As for ``prepare``.
        """
        urls = [collector if isinstance(collector, str) else collector.url for collector in collectors]
        given = dict(environment or {})
        if exit is not None:
            given["TEST_EXIT"] = str(exit)
        return prepare(
            folder or self.new_folder(),
            site=site or self.site(),
            options=through_module(urls) | QUICK | dict(options or {}),
            commands=[*commands, "Exit"] if exit is not None else commands,
            module=module,
            environment=given,
            files=usual(),
            **more,
        )


def go(pilot: Pilot) -> None:
    """Let a pilot with WAIT_FOR_GO go on."""
    (pilot.directory / "go").touch()


def ended(running: Running) -> tuple[Result, float]:
    """Wait for the end of a pilot that was given ``exit``; also the seconds from its last word to its end."""
    running.wait_for("] Exiting\n")
    begun = time.monotonic()
    result = running.wait()
    return result, time.monotonic() - begun


def losses(result: Result, shelf: Shelf) -> str:
    """What is wrong with the stored log of a pilot that has come to its own end; empty if nothing is."""
    stamp = result.stamp
    wrong = [differences(result.output, shelf.text_of(stamp)), *shelf.complaints]
    if gaps := shelf.gaps(stamp):
        wrong.append(f"missing numbers: {gaps}")
    if shelf.finals(stamp) != [str(result.exit_code)]:
        wrong.append(f"goodbyes {shelf.finals(stamp)} of a pilot that ended with {result.exit_code}")
    return "\n".join(word for word in wrong if word)


def classic(result: Result) -> str:
    """The classic output without what differs from run to run."""
    text = _CLOCK.sub("CLOCK", result.output).replace(result.stamp, "STAMP")
    text = re.sub(r"127\.0\.0\.\d+:\d+", "ADDRESS", text)
    return re.sub(r"/\d+-[0-9a-f]{6}/", "/FOLDER/", text)


def numbered(lines: int) -> list[str]:
    """The messages of the command ManyLines."""
    return [f"line {number}" for number in range(1, lines + 1)]


def numbers_in(text: str) -> list[int]:
    """The numbers of the lines of ManyLines in a log, as they stand there."""
    return [int(number) for number in re.findall(r"(?m)(?:^|\] )line (\d+)$", text)]
