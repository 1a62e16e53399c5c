# SPDX-License-Identifier: GPL-3.0-only
"""After the last fault: everything runs again, and brings to an end what has piled up."""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from parts import agent, state
from parts import faults as component_faults
from parts.failure import Failure

from . import database

_LOOK_SECONDS = 1.0
_STEADY_LOOKS = 3


def settle(directory: Path, seconds: float, expiring: tuple[str, ...], say: Callable[[str], None]) -> bool:
    """Wait until all logs are archived, and stay so; False when that takes too long.

    The pauses after failures (minutes) and the leases of killed agents (five minutes) are cut short: this is not what
    is tested here.

    Args:
        expiring: VOs whose logs have to leave the database as well
    """
    stack = state.load(directory)
    with state.alone(directory):
        component_faults.change(stack, "agent", "stop")
        database.end_leases(stack)
        database.try_at_once(stack)
        component_faults.change(stack, "agent", "start")
    with agent.beside(stack.layout, say):  # the stack's own one has longer pauses
        return _wait(stack, seconds, expiring, say)


def _wait(stack: state.Stack, seconds: float, expiring: tuple[str, ...], say: Callable[[str], None]) -> bool:
    deadline, steady, last = time.monotonic() + seconds, 0, None
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        try:
            waiting = database.not_archived(stack) + sum(database.not_expired(stack, vo) for vo in expiring)
            if waiting:
                database.try_at_once(stack)
        except (Failure, sqlite3.Error) as error:
            say(f"the database does not answer: {error}")
            continue
        steady = 0 if waiting else steady + 1
        if steady >= _STEADY_LOOKS:
            return True
        if waiting != last and waiting % 10 == 0:
            last = waiting
            say(f"{waiting} logs are not archived, or not expired")
    with contextlib.suppress(Failure, sqlite3.Error):
        say(f"{database.not_archived(stack)} logs are not archived after {seconds:g} s")
    return False
