# SPDX-License-Identifier: GPL-3.0-only
"""The collector that the tests of the worker-node module share, and where they find what drives it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

_TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_TESTS), str(_TESTS / "dirac"), str(_TESTS.parent / "dev")]

pytest.register_assert_rewrite("pilot.harness.checks")

# The folders above make these importable.
from harness.stacks import RunningStack, running  # noqa: E402
from pilot.bad_collectors import World  # noqa: E402
from pilot.harness import Pilot, Site, kinds, prepare, through_module  # noqa: E402


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One collector on SQLite for the tests of a module."""
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(params=kinds())
def pilot_files(request: pytest.FixtureRequest) -> Path:
    """The kinds of pilot."""
    return kinds()[request.param]


@pytest.fixture
def make(stack: RunningStack, pilot_files: Path, tmp_path: Path) -> Callable[..., Pilot]:
    """Prepares pilots whose log goes to the collector through the module alone, unless told otherwise."""

    def make(commands: Sequence[str], options: Mapping[str, Any] | None = None, **more: Any) -> Pilot:
        folder = tmp_path / f"pilot-{len(list(tmp_path.iterdir()))}"
        chosen = {"RemoteLoggerExitTime": "120"} | (through_module(stack.urls) if options is None else dict(options))
        return prepare(folder, site=Site.of(stack), options=chosen, commands=commands, files=pilot_files, **more)

    return make


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Collectors that misbehave, and pilots that know them, for the tests of a module."""
    with World(tmp_path_factory.mktemp("world")) as world:
        yield world
