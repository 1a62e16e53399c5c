# SPDX-License-Identifier: GPL-3.0-only
"""Every file, folder and module that the documents name exists."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "src" / "PilotLoggingDIRAC"
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
ENDINGS = "c|cfg|cjs|css|html|js|json|md|notes|py|service|sh|sql|svg|toml|txt|yml"
ELSEWHERE = {"pilot.json", "dirac-pilot.py", "dirac.cfg", "env.sh", "stack.json", "web.cfg"}
"""What pilots, DIRAC, portals and stacks have."""
BASES = (PROJECT, PROJECT / "src", PACKAGE)


def tracked() -> set[str]:
    """Names of the files in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return {Path(name).name for name in listed.stdout.splitlines()}
    return {name for _, _, names in os.walk(PROJECT / "src") for name in names}


NAMES = tracked()


def spans(document: Path) -> list[str]:
    """What stands in backquotes, outside of blocks of code."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return re.findall(r"`([^`\n]+)`", prose)


def is_there(span: str) -> bool | None:
    """Whether the file, folder or module exists; None if the span names none."""
    if re.fullmatch(r"PilotLoggingDIRAC(\.\w+)+", span):
        path = PACKAGE.joinpath(*span.split(".")[1:])
        return path.is_dir() or path.with_suffix(".py").exists() or path.parent.with_suffix(".py").exists()
    if span.startswith("share/"):
        return None  # of an installation
    if re.fullmatch(rf"[\w.-]+\.({ENDINGS})", span):
        return span in NAMES or span in ELSEWHERE
    if re.fullmatch(rf"[\w.-]+(/[\w.@-]+)*/([\w.@-]+\.({ENDINGS}))?", span) and not span.startswith("."):
        return any((base / span).exists() for base in BASES)
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(PROJECT)))
def test_what_is_named_exists(document: Path) -> None:
    assert [span for span in spans(document) if is_there(span) is False] == []


def test_the_rooms_of_the_drawing_are_the_rooms() -> None:
    drawing = (PROJECT / "docs" / "architecture.md").read_text().split("\n| room |")[0]
    drawn = {word for line in drawing.splitlines() if line.startswith(" " * 33) for word in line.split()} - {"─" * 52}
    drawn |= {"WorkloadManagementSystem", "MonitoringSystem", "WebApp", "commands", "activation"}
    rooms = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert drawn == rooms


def test_the_walks_are_of_this_tree() -> None:
    """``dev/walk --write`` counts them again."""
    text = (PROJECT / "docs" / "architecture.md").read_text()
    section = text.partition("<!-- dev/walk writes this -->")[2].partition("<!-- until here -->")[0]
    for title, number, names in re.findall(r"^- ([\w ]+) \((\d+)\): (.*)", section, re.MULTILINE):
        files = re.findall(r"`([^`]+)`", names)
        assert len(files) == int(number), title
        page = PACKAGE / "WebApp" / "static" / "PilotLoggingDIRAC" / "PilotLogs" / "page"
        assert [file for file in files if not (PACKAGE / file).exists() and not (page / file).exists()] == []
