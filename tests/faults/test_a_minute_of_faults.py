# SPDX-License-Identifier: GPL-3.0-only
"""``dev/faults`` for a minute, on both configurations at once: nothing lost, nothing doubled, nothing leaked."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DEV = Path(__file__).resolve().parents[2] / "dev"
SECONDS, SEED, PILOTS = 60, 7, 60
DATABASES = ("mariadb", "sqlite")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, str, dict[str, Any]]]]:
    """Exit code, output and result of each configuration."""
    folder = tmp_path_factory.mktemp("faults")
    processes = {}
    for database in DATABASES:
        command = [DEV / "faults", "--seconds", SECONDS, "--seed", SEED, "--pilots", PILOTS, "--rate", 20]
        command += ["--database", database, "--json", folder / f"{database}.json"]
        with (folder / f"{database}.out").open("w") as output:
            processes[database] = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
    try:
        for process in processes.values():
            process.wait(SECONDS + 400)
        yield {
            name: (
                process.returncode,
                (folder / f"{name}.out").read_text(),
                json.loads((folder / f"{name}.json").read_text()) if (folder / f"{name}.json").exists() else {},
            )
            for name, process in processes.items()
        }
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_lost_doubled_or_leaked(runs: dict[str, tuple[int, str, dict[str, Any]]], database: str) -> None:
    code, said, result = runs[database]
    assert code == 0, said
    assert result["good"]
    assert result["findings"] == []


@pytest.mark.parametrize("database", DATABASES)
def test_there_was_something_to_survive(runs: dict[str, tuple[int, str, dict[str, Any]]], database: str) -> None:
    _, said, result = runs[database]
    assert sum(result["faults"].values()) >= 5, said
    assert result["figures"]["messages"] > 300, said
    assert result["figures"]["resends"] > 20, said
    assert result["stored_lines"] >= result["figures"]["lines"], said
