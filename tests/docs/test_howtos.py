# SPDX-License-Identifier: GPL-3.0-only
"""The how-tos are followed: their diff fits the tree, and what they say to run then passes."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = sorted(page for page in (PROJECT / "docs" / "howto").glob("*.md") if "```diff" in page.read_text())
COPIED = ("docs", "pilot", "src", "tests", "dev", "pyproject.toml", "setup.cfg", "README.md", "completion", "examples")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", "img")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what a change touches."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=NOT_COPIED)
        else:
            shutil.copy(source, tmp_path)
    return tmp_path


def run(tree: Path, command: list[str], **more: str) -> None:
    done = subprocess.run(
        command, cwd=tree, env={**os.environ, **more}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_how_to_can_be_followed(page: Path, tree: Path) -> None:
    text = page.read_text()
    change = tree / "change.diff"
    change.write_text("".join(re.findall(r"^```diff\n(.*?)^```", text, re.MULTILINE | re.DOTALL)))
    run(tree, ["git", "apply", "--unidiff-zero", str(change)], GIT_CEILING_DIRECTORIES=str(tree.parent))
    commands = re.findall(r"^    dev/python (.*)", text, re.MULTILINE)
    assert commands
    for command in commands:
        words = [sys.executable, *shlex.split(command), "-p", "no:cacheprovider"]
        run(tree, words, PYTHONPATH=str(tree / "src"))
