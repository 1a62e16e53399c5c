# SPDX-License-Identifier: GPL-3.0-only
"""What of the portal's page needs no browser: the ``*.test.mjs`` here, which node runs. One case here is one of theirs.

``make test`` counts them so, and a file that does not load fails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NODE = HERE.parent.parent / ".venv" / "bin" / "node"
FILES = sorted(file.name for file in HERE.glob("*.test.mjs"))


def cases() -> Iterator[tuple[str, str]]:
    for file in FILES:
        for name in re.findall(r'^test\((".*?(?<!\\)"),', (HERE / file).read_text(), re.MULTILINE):
            yield file, json.loads(name)


@pytest.fixture(scope="module")
def report() -> str:
    """What node says of all of them, in TAP."""
    command = [NODE, "--test", "--test-reporter=tap", *FILES]
    # In a zone of its own: times are UTC wherever the browser is.
    done = subprocess.run(
        command, cwd=HERE, env={**os.environ, "TZ": "Asia/Kathmandu"}, capture_output=True, text=True, timeout=600
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("file", "name"), list(cases()), ids=lambda value: value)
def test_case(report: str, file: str, name: str) -> None:
    assert re.search(rf"^ok \d+ - {re.escape(name)}$", report, re.MULTILINE), report


def test_none_is_left_out(report: str) -> None:
    counts = {word: int(number) for word, number in re.findall(r"^# (tests|pass|fail|skipped) (\d+)$", report, re.M)}
    assert counts == {"tests": len(list(cases())), "pass": len(list(cases())), "fail": 0, "skipped": 0}, report
