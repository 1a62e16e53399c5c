# SPDX-License-Identifier: GPL-3.0-only
"""Links of the documents lead somewhere: of those at the top of the tree, and of those in docs, as mkdocs has it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted(PROJECT.glob("*.md"))


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text())
    for link in links:
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_links_between_the_pages_lead_somewhere(tmp_path):
    """Without -q, with which mkdocs does not count its warnings, and strict is nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_who_reads_what_names_every_document():
    index = (PROJECT / "docs" / "index.md").read_text()
    named = set(re.findall(r"\]\(([\w/-]+\.md)\)", index))
    docs = PROJECT / "docs"
    assert named == {str(file.relative_to(docs)) for file in docs.rglob("*.md")} - {"index.md"}


def test_the_readme_offers_a_newcomer_two_commands():
    assert re.findall(r"^    make \S+", (PROJECT / "README.md").read_text(), re.MULTILINE) == [
        "    make demo",
        "    make test",
    ]
