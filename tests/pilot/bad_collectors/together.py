# SPDX-License-Identifier: GPL-3.0-only
"""Tests that spend their time waiting run side by side."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

Scenario = Callable[[Any], None]


class Together:
    """Makes tests of the scenarios of a module: the first that is run starts all that were selected.

    Args:
        fixture: The name of what the scenarios are given.
        at_once: How many scenarios run at a time.
    """

    def __init__(self, fixture: str = "world", at_once: int = 6) -> None:
        self._fixture = fixture
        self._crowd = ThreadPoolExecutor(at_once)
        self._scenarios: dict[str, Scenario] = {}
        self._results: dict[str, Future[None]] = {}

    def __call__(self, scenario: Scenario) -> Callable[[pytest.FixtureRequest], None]:
        """A decorator: the test has the scenario's name, and waits for it."""
        name = scenario.__name__
        self._scenarios[name] = scenario

        @functools.wraps(scenario)
        def test(request: pytest.FixtureRequest) -> None:
            given = request.getfixturevalue(self._fixture)
            if not self._results:
                self._start(given, request)
            self._results[name].result()

        del test.__wrapped__  # pytest would look for the scenario's own arguments
        return test

    def _start(self, given: object, request: pytest.FixtureRequest) -> None:
        selected = {item.name for item in request.session.items if item.path == request.path}
        for name, scenario in self._scenarios.items():
            if name in selected:
                self._results[name] = self._crowd.submit(scenario, given)
