# SPDX-License-Identifier: GPL-3.0-only
"""Standard output for the result alone.

DIRAC logs to standard output, and so do some storage libraries; a log that is piped into another program, or a result
that a parent reads, must not be mixed with that.
"""

from __future__ import annotations

import os
from typing import BinaryIO


def take_stdout() -> BinaryIO:
    """The process's standard output, which nothing else reaches from now on: it goes to standard error instead."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream
