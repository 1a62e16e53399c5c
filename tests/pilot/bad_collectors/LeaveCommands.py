# SPDX-License-Identifier: GPL-3.0-only
"""A command that leaves a forked child behind."""

import os
import time

from pilotCommands import logFinalizer
from pilotTools import CommandBase


class LeaveAChild(CommandBase):
    """Forks a child that sleeps for a minute, and does not wait for it."""

    @logFinalizer
    def execute(self):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        self.log.info(f"The child is {child}")
