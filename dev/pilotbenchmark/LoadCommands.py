# SPDX-License-Identifier: GPL-3.0-only
"""What the pilot of the benchmark does: it says messages and runs shell commands, as ``load.json`` has them.

Runs on the worker node's Python, inside the pilot. See :mod:`.load`.
"""

import json
import os
import sys
import time

from pilotCommands import logFinalizer
from pilotTools import CommandBase


class _Load(CommandBase):
    """Says the next steps of the load; how far it is stands in the pilot's parameters, for all its commands."""

    def say_next(self, steps):
        with open("load.json") as file:
            load = json.load(file)
        done = getattr(self.pp, "stepsOfTheLoad", 0)
        for step in load["steps"][done : steps and done + steps]:
            for message in step["messages"]:
                self.log.info(message)
            with open("raw", "w") as file:
                file.write(step["raw"])
            self.executeAndGetOutput("cat raw")
            time.sleep(load["pause"])
            done += 1
        self.pp.stepsOfTheLoad = done
        return load


class Prepare(_Load):
    """One of the short commands that a pilot has many of."""

    @logFinalizer
    def execute(self):
        self.say_next(1)


class Work(_Load):
    """All the rest. Then the pilot ends, as DIRAC's LaunchAgent ends it.

    LOAD_WAITS: if this is set the file ``go`` is waited for before.
    """

    @logFinalizer
    def execute(self):
        load = self.say_next(None)
        self.log.info(load["farewell"])
        while os.environ.get("LOAD_WAITS") and not os.path.exists("go"):
            time.sleep(0.01)
        with open("ends", "w") as file:
            file.write(str(_seconds_since_start()))
        sys.exit(0)


def _seconds_since_start():
    """Since this process was started, exact to a tick of the kernel: 10 ms."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
