# SPDX-License-Identifier: GPL-3.0-only
"""The benchmark of the worker-node module measures what it says: one short round of it. No times are compared."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pilotbenchmark import report
from pilotbenchmark.loggers import OURS, STOCK
from pilotbenchmark.measurement import Measured

DEV = Path(__file__).resolve().parents[2] / "dev"
LINES = 500


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one round gave."""
    file = tmp_path_factory.mktemp("bench") / "result.json"
    command = [DEV / "bench-pilot", "--lines", LINES, "--seconds", 0, "--rounds", 1, "--exit-time", 1]
    command += ["--patience", 3, "--json", file]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ours / stock" in done.stdout
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_what_a_healthy_collector_costs(result: dict[str, Any]) -> None:
    (off,), (stock,), (ours,) = result["measured"]["at once"].values()
    assert off["lines"] > LINES
    assert off["sent"] == off["answered"] == off["requests"] == off["connections"] == 0
    assert stock["requests"] == stock["connections"] > ours["requests"] >= ours["connections"] == 1
    assert stock["sent"] > stock["size"]
    assert 0 < ours["sent"] <= stock["sent"] / 5
    for one in (off, stock, ours):
        assert 0 < one["exit"] < one["seconds"]
        assert one["cpu"] > 0
        assert one["memory"] > 0


def test_how_pilots_end_without_a_collector(result: dict[str, Any]) -> None:
    ends = {(end["death"], end["moment"], end["logger"]): end for end in result["endings"]}
    assert len(ends) == len(result["endings"]) == 8
    for (_, moment, logger), end in ends.items():
        if logger == "ours":
            assert end["exit_code"] == 0
            assert end["missing"] == 0
            assert end["seconds"] > 0.1
        else:
            assert end["exit_code"] != 0
            assert bool(end["missing"]) == (moment == "from the start")


def test_what_ours_must_not_do_is_told() -> None:
    one = Measured(1, 1, 1, 1, requests=1, connections=1, sent=1000, answered=1, lines=1, size=1)
    assert report.fails({STOCK: [one], OURS: [replace(one, sent=200)]}) == []
    (failure,) = report.fails({STOCK: [one, one], OURS: [replace(one, sent=201), replace(one, sent=100)]})
    assert "0.201" in failure
    (failure,) = report.fails({STOCK: [one, one], OURS: [replace(one, sent=1), replace(one, sent=1, connections=2)]})
    assert "2 connections" in failure
