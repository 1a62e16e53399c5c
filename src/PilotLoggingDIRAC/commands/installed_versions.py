# SPDX-License-Identifier: GPL-3.0-only
"""Are the versions that are installed here those that work together? As ``setup.cfg`` says it, also for extras.

pip compares only what it is asked to install: a DIRAC or a portal that was upgraded later by itself is not looked at.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator

from packaging.requirements import Requirement

_PACKAGE = "PilotLoggingDIRAC"
_NEEDS = {"portal": "WebAppDIRAC"}
"""Extra to what is installed where it is in use: what it asks of DIRAC counts there only."""


def find_misfits(
    requirements: Iterable[str] | None = None, version_of: Callable[[str], str | None] | None = None
) -> Iterator[str]:
    """What does not fit, as sentences; nothing where all does.

    Args:
        requirements: Those of this package, with the extras as markers; by default those it was installed with.
        version_of: Gives the version of what is installed, None where it is not.
    """
    version_of = version_of or _installed
    told = set()
    for line in importlib.metadata.requires(_PACKAGE) or [] if requirements is None else requirements:
        wanted = Requirement(line)
        extra = next((extra for extra in _NEEDS if _is_of(wanted, extra)), None)
        if extra and version_of(_NEEDS[extra]) is None:
            continue
        version = version_of(wanted.name)
        if version is None or wanted.specifier.contains(version, prereleases=True):
            continue
        beside = f" beside {_NEEDS[extra]}" if extra and wanted.name != _NEEDS[extra] else ""
        wish = f"{wanted.name}{wanted.specifier}"
        sentence = f"{wanted.name} {version} is installed here{beside}, which does not work: pip install '{wish}'."
        if sentence not in told:
            told.add(sentence)
            yield sentence


def _is_of(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is not None and wanted.marker.evaluate({"extra": extra})


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
