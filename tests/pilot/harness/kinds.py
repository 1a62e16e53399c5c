# SPDX-License-Identifier: GPL-3.0-only
"""Where the files of pilots are: our miniature, DIRAC's own, and our module for both."""

from __future__ import annotations

import os
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[2]
MINIATURE = _TESTS / "pilot" / "miniature"
"""Our own small pilot."""
MODULE = _TESTS.parent / "pilot" / "PilotLoggingCommands.py"
"""The worker-node module: the file that pilots import."""
PARTS = tuple(MODULE.with_name(f"PilotLogging{part}.py") for part in ("Sender", "Redaction"))
"""The files that it imports from its own folder."""
_CHECKOUT = "PILOT"


def checkout(path: str | Path) -> Path:
    """The pilot files of a checkout of DIRACGrid/Pilot.

    Raises:
        FileNotFoundError: There is no pilot in it.
    """
    folder = Path(path) / "Pilot"
    if not (folder / "dirac-pilot.py").is_file():
        raise FileNotFoundError(f"{path} is no checkout of DIRACGrid/Pilot: it has no Pilot/dirac-pilot.py")
    return folder


def kinds() -> dict[str, Path]:
    """The pilots that tests run on: ``miniature``, and as ``stock`` the checkout that the variable PILOT names.

    ``make test-stock-pilot`` runs the tests that have such a parameter, found by the word ``stock``, and the faults.
    """
    found = {"miniature": MINIATURE}
    if os.environ.get(_CHECKOUT):
        found["stock"] = checkout(os.environ[_CHECKOUT])
    return found


def usual() -> Path:
    """The one of them that tests run on which take a single one: DIRAC's own if it is there."""
    return list(kinds().values())[-1]
