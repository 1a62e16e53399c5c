# SPDX-License-Identifier: GPL-3.0-only
"""``dev/scale``, small: as in the large, whatever the machine's speed. That it finds what is lost or doubled, too."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from scaling.truth import Verdict, block_text, judge

DEV = Path(__file__).resolve().parents[2] / "dev"
STAMP = "0123456789abcdef0123456789abcdef"


def test_two_thousand_pilots_come_back_from_an_outage() -> None:
    command = [DEV / "scale", "--pilots", "2000", "--rate", "250", "--minutes", "0.15", "--period", "9"]
    command += ["--outage", "3", "--profile", "mixed", "--collectors", "2", "--any-speed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    last = done.stdout.splitlines()[-1]
    told = re.fullmatch(
        r"scale: 2000 pilots, (\d+) messages acknowledged, p99 \d+ ms, storm drained in \d+ s, 0 lost, 0 doubled", last
    )
    assert told, last
    assert int(told[1]) > 4000


@pytest.mark.parametrize(
    ("blocks", "lost", "doubled", "odd"),
    [
        ([1, 2, 3], 0, 0, 0),
        ([1, 2, 3, 4], 0, 0, 0),  # written, and its reply lost
        ([1, 2], 1, 0, 0),
        ([1, 3], 1, 0, 0),
        ([], 3, 0, 0),
        ([1, 2, 2, 3], 0, 1, 0),
        ([2, 1, 3], 0, 0, 1),
        ([1, 2, 3, 4, 5], 0, 0, 1),  # never written
    ],
)
def test_what_is_lost_and_doubled_is_counted(blocks: list[int], lost: int, doubled: int, odd: int) -> None:
    verdict = Verdict()
    text = b"".join(block_text(STAMP, block, 3) for block in blocks)
    judge(verdict, STAMP, text, acknowledged=3, written=4, lines=3)
    assert (verdict.lost, verdict.doubled, verdict.odd) == (lost, doubled, odd)
    assert verdict.is_good == (not (lost or doubled or odd))
