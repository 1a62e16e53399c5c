# SPDX-License-Identifier: GPL-3.0-only
"""What the worker node's redaction and the collector's are measured by; ``test_redaction_corpus.py`` runs both over it.

In the folders, pieces end with a line ``%%``, and secrets stand between « and »:

=================  ==================================================================================================
``secrets``        text with secrets; both take these out and nothing else
``collector_only`` the same, by rules that only the collector has; each file is named after its rule
``harmless``       text that looks like secrets, to be left alone however it is cut into messages
``ambiguous``      text to be left alone as long as messages end at line ends
=================  ==================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_FOLDER = Path(__file__).parent
_MARKED = re.compile("«(.*?)»")

COLLECTOR_ONLY_RULES = {
    "xml_elements": "no program of a pilot answers in XML",
    "netrc": "a password without a sign in front of it",
}
"""Why the worker node does without them: it is the first line of defence, and its text passes the collector."""


def _blocks(folder: str) -> list[str]:
    files = sorted((_FOLDER / folder).glob("*.txt"))
    return [block for file in files for block in re.split(r"(?m)^%%\n", file.read_bytes().decode())]


def _cases(blocks: Iterable[str]) -> list[str]:
    """Line by line, but for private keys."""
    return [line for block in blocks for line in ([block] if "KEY-----" in block else block.splitlines(keepends=True))]


SECRETS, COLLECTOR_ONLY = _blocks("secrets"), _blocks("collector_only")
HARMLESS, AMBIGUOUS = _blocks("harmless"), _blocks("ambiguous")
CASES, COLLECTOR_ONLY_CASES = _cases(SECRETS), _cases(COLLECTOR_ONLY)


def rules_in_the_corpus() -> set[str]:
    """That only the collector has."""
    return {file.stem for file in (_FOLDER / "collector_only").iterdir()}


def plain(case: str) -> str:
    """As it is printed."""
    return _MARKED.sub(r"\1", case)


def marked(case: str) -> str:
    """As it is to be stored."""
    return _MARKED.sub("[redacted]", case)


def secrets_of(case: str) -> list[str]:
    """What is not to be stored."""
    return _MARKED.findall(case)
