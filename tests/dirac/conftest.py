# SPDX-License-Identifier: GPL-3.0-only
"""The stacks that the tests share. A module that changes what others would see brings up one of its own."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "dev"))

from harness.client import Client
from harness.stacks import RunningStack, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """One collector on SQLite, for tests that need no more than a log of their own in it."""
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stamp() -> str:
    """A new pilot's stamp."""
    return uuid.uuid4().hex


@pytest.fixture
def pilot(stack: RunningStack) -> Client:
    return stack.client("alpha_pilot")


@pytest.fixture
def user(stack: RunningStack) -> Client:
    return stack.client("alpha_user")


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RunningStack]]:
    """Brings up stacks for one module only: ``own_stack("--collectors", "3")``; they end with the module."""
    managers = []

    def bring_up(*arguments: str, path: tuple[Path, ...] = ()) -> RunningStack:
        manager = running(tmp_path_factory.mktemp("own-stack"), *arguments, path=path)
        stack = manager.__enter__()
        managers.append(manager)
        return stack

    yield bring_up
    problems = []
    for manager in reversed(managers):
        try:
            manager.__exit__(None, None, None)
        except Exception as error:
            problems.append(error)
    assert not problems
