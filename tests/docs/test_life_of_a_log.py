# SPDX-License-Identifier: GPL-3.0-only
"""Each row of docs/life-of-a-log.md names a test that there is."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (TESTS.parent / "docs" / "life-of-a-log.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("| event", "| ---"))
]


def test_each_row_names_tests_that_there_are():
    tests = {name for file in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", file.read_text())}
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 6, row
        assert all(row), row
        named = re.fullmatch(r"`(test_\w+)`", row[-1])
        assert named, row[-1]
        assert named[1] in tests, row[-1]
