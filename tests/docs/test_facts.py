# SPDX-License-Identifier: GPL-3.0-only
"""What is known of pilots: the table in the code, docs/protocol.md and the page's files say the same."""

import re
from pathlib import Path

from PilotLoggingDIRAC import model
from PilotLoggingDIRAC.store import schema, upgrade

PROJECT = Path(__file__).parents[2]
PAGE = Path(model.__file__).parent / "WebApp/static/PilotLoggingDIRAC/PilotLogs/page"


def test_the_protocol_names_each_fact():
    text = (
        (PROJECT / "docs" / "protocol.md").read_text().partition("### What is known of a pilot")[2].partition("\n#")[0]
    )
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (yes|no) \| (yes|no) \|$", text, re.MULTILINE)
    words = {True: "yes", False: "no"}
    assert rows == [(fact.name, fact.column, words[fact.counted], words[fact.searched]) for fact in model.FACTS]


def test_the_page_has_the_facts_that_it_shows():
    entries = re.findall(
        r'^  \{ column: "(\w+)", word: "(\w+)", head: "(\w+)", one: "[^"]+" \},$',
        (PAGE / "facts.js").read_text(),
        re.MULTILINE,
    )
    assert entries == [(fact.column, fact.word, fact.head) for fact in model.FACTS if fact.on_page]


def test_each_version_of_the_tables_has_its_step():
    assert sorted(upgrade.UPGRADES) == list(range(2, schema.VERSION + 1))


def test_names_are_there_once():
    for name in ("column", "name", "word"):
        assert len({getattr(fact, name) for fact in model.FACTS}) == len(model.FACTS)
