# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-config`` called wrongly: one sentence, exit code 2, and nobody is asked."""

from __future__ import annotations

import os
import subprocess

import pytest
from harness.show import command


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "takes one of show, enable, disable, check"),
        ("show check --vo a", "takes one of show, enable, disable, check"),
        ("check", "give one VO: --vo"),
        ("check --vo a,b", "--vo takes one VO, not 'a,b'"),
        ("check --vo a -V b", "--vo is given twice"),
        ("check --vo a --ce x", "check takes no --ce"),
        ("disable --vo a --url https://x --yes", "disable takes no --url"),
        ("enable --vo a -j", "enable takes no --json"),
        ("show --vo a --ce x -C y", "show takes one CE"),
        ("enable --vo a --ce ,", "--ce takes a text that is not empty, not ','"),
        ("show --vo a --gone", "option --gone not recognized; see dirac-pilot-logs-config --help"),
    ],
)
def test_a_wrong_call_is_one_sentence(arguments: str, sentence: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [command("config"), *arguments.split()],
        capture_output=True,
        text=True,
        env=environment,
        timeout=180,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dirac-pilot-logs-config: {sentence}"), done.stderr
    assert done.stderr.count("\n") == 1
