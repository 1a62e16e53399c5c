# SPDX-License-Identifier: GPL-3.0-only
"""Links of the documents at the top of the tree lead somewhere; of those in docs, "make lint" (mkdocs) knows."""

import re
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
