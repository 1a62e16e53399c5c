# SPDX-License-Identifier: GPL-3.0-only
"""A command that says what cannot be compressed."""

import os
import random

from pilotCommands import logFinalizer
from pilotTools import CommandBase


class Noise(CommandBase):
    """Prints TEST_LINES numbered lines of random digits."""

    @logFinalizer
    def execute(self):
        for number in range(1, int(os.environ["TEST_LINES"]) + 1):
            print(f"noise {number} {random.getrandbits(192):048x}")
        self.log.info("Noise ends")
