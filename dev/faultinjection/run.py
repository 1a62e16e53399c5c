# SPDX-License-Identifier: GPL-3.0-only
"""One run: a stack, pilots, faults, the time to settle, the verdict; and the end of all of it."""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from parts import lifecycle, state
from parts.failure import Failure
from parts.layout import PROJECT, Layout

from . import faults, plan, report, settling, verdict
from .disks import SmallDisks
from .repeats import RepeatCounter
from .watch import Watch

_DATABASE_DISK = {"sqlite": 192, "mariadb": 512}
"""MiB: room for what ten minutes of pilots write, and for what MariaDB has from its beginning."""
_ARCHIVE_DISK = 256
_PATIENCE = 60.0
_SETTLE_SECONDS = 180.0
_OPTIONS = (
    "/Operations/Defaults/Pilot/SilentAfter=15s",
    "/Operations/beta/Pilot/KeepDelivered=5s",
    # A disk that is full is to be met by the database itself.
    "/Systems/WorkloadManagement/Services/TornadoPilotLogging/MinFreeDisk=0",
)
_OPTIONS_ON_A_GRID = ("/Operations/alpha/Pilot/KeepDelivered=5s",)
_EXPIRING = ("beta",)
_EXPIRING_ON_A_GRID = ("alpha", "beta")


def show_plan(options: argparse.Namespace, may_mount: bool) -> list[plan.Fault]:
    """Draw the faults of a run and print them."""
    kinds = plan.kinds_of(options.collectors, options.database, options.grid, may_mount)
    drawn = plan.draw(options.seed, options.seconds, kinds, options.pause)
    print(f"faults: seed {options.seed}: " + "; ".join(map(str, drawn)), flush=True)
    return drawn


class Run:
    """One run, and what it has to end whatever happens."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._layout, self._options = Layout(folder), options
        self._disks = SmallDisks()
        self._crowd: subprocess.Popen[str] | None = None
        self._injector: faults.Injector | None = None
        self._begun = time.monotonic()

    @property
    def again(self) -> str:
        """How to see the same again, and where to look."""
        o = self._options
        again = f"dev/faults --seconds {o.seconds:g} --seed {o.seed} --pilots {o.pilots} --collectors {o.collectors}"
        again += f" --rate {o.rate:g} --pause {o.pause:g} --database {o.database}{' --grid' if o.grid else ''}"
        return f"seed {o.seed} ({again}), files in {self._layout.root}"

    @property
    def truth(self) -> Path:
        """What the pilots noted."""
        return self._layout.root / "truth.jsonl"

    def say(self, text: str) -> None:
        print(f"faults: {time.monotonic() - self._begun:6.1f} s  {text}", flush=True)

    def run(self) -> report.Result:
        """All of it.

        Raises:
            Failure, Failure: it could not be done
        """
        options, directory = self._options, self._layout.root
        may_mount = self._mount()
        drawn = show_plan(options, may_mount)
        expiring = _EXPIRING_ON_A_GRID if options.grid else _EXPIRING
        wanted = (*_OPTIONS, *(_OPTIONS_ON_A_GRID if options.grid else ()), *options.option)
        lifecycle.up(
            directory,
            state.Plan(
                collectors=options.collectors,
                database=options.database,
                grid=options.grid,
                agent=True,
                options=wanted,
            ),
        )
        self._injector = injector = faults.Injector(directory, self.say)
        self._begun = time.monotonic()
        with Watch(directory) as watch, RepeatCounter(state.load(directory)) as repeats:
            self._crowd = self._start_crowd()
            self.say(f"{options.pilots} pilots begin")
            injector.run(drawn, time.monotonic())
            self.say("the last fault is over")
            faults.heal(directory, injector)
            figures = self._wait_for_crowd()
            self.say("all pilots have ended")
            settle_begun = time.monotonic()
            settling.settle(directory, _SETTLE_SECONDS + options.seconds / 2, expiring, self.say)
            settled_after = time.monotonic() - settle_begun
            self.say("settled; now every line is looked for")
            result = verdict.reach(state.load(directory), options, figures, self.truth, watch)
        result.repeated = repeats.total
        result.settled_after, result.faults, result.remarks = settled_after, injector.happened, injector.remarks
        return result

    def end(self, keep: bool) -> None:
        """End all that was started; the files stay if they are wanted."""
        if self._crowd is not None and self._crowd.poll() is None:
            self._crowd.kill()
            self._crowd.wait()
        if self._injector is not None:
            self._injector.stop()
            for thread in threading.enumerate():
                if thread.name.startswith("t="):
                    thread.join(60)
        if self._layout.state.exists():
            with contextlib.suppress(Failure):
                lifecycle.down(self._layout.root)
        self._disks.close(keep)
        if not keep:
            shutil.rmtree(self._layout.root, ignore_errors=True)

    def _mount(self) -> bool:
        database, layout = self._options.database, self._layout
        folder = layout.home("mariadb") if database == "mariadb" else layout.sqlite.parent
        if self._options.no_disks or not self._disks.mount(folder, _DATABASE_DISK[database]):
            self.say("NO small file system could be mounted: full disks are left out")
            return False
        return self._options.grid or self._disks.mount(layout.archive, _ARCHIVE_DISK)

    def _start_crowd(self) -> "subprocess.Popen[str]":
        options, layout, stack = self._options, self._layout, state.load(self._layout.root)
        words = {
            "credentials": layout.credentials,
            "authorities": layout.certificates,
            "record": self.truth,
            "pilots": options.pilots,
            "rate": options.rate,
            "seconds": options.seconds,
            "patience": _PATIENCE,
            "mishaps": options.mishaps,
            "seed": options.seed,
        }
        command = [sys.executable, "-m", "faultinjection.crowd", "--urls", *stack.collector_urls]
        command += [word for name, value in words.items() for word in (f"--{name}", str(value))]
        with layout.log("pilots").open("w") as complaints:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                cwd=PROJECT / "dev",
                start_new_session=True,
            )

    def _wait_for_crowd(self) -> dict:
        assert self._crowd is not None
        try:
            output, _ = self._crowd.communicate(timeout=self._options.seconds + 3 * _PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failure("the pilots do not end") from error
        if self._crowd.returncode:
            raise Failure(f"the pilots failed, see {self._layout.log('pilots')}")
        return json.loads(output)
