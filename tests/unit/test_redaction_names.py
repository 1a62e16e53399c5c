# SPDX-License-Identifier: GPL-3.0-only
"""Worker node and collector agree on which names stand in front of secrets; each has a table of its own."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path

import pytest

from PilotLoggingDIRAC.redaction import secret_names

_PILOT = Path(__file__).resolve().parents[2] / "pilot"
_PARTS = [
    "pass", "pw", "pwd", "Pass", "PWD", "auth", "oauth", "xauth", "key", "db", "old", "low", "com", "user", "ssh",
    "hmac", "deploy", "session", "token", "secret", "api", "file", "name", "rate", "amz", "credential", "passwd",
    "cookie", "2",
]  # fmt: skip


def test_both_agree_on_every_name_of_up_to_three_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(_PILOT))
    monkeypatch.delitem(sys.modules, "PilotLoggingRedaction", raising=False)
    module = importlib.import_module("PilotLoggingRedaction")
    for count, separator in itertools.product((1, 2, 3), ("_", "-", "")):
        for parts in itertools.product(_PARTS, repeat=count):
            name = separator.join(parts).encode()
            normal = module._normal(name)
            there = bool(module._SECRET_NAME.search(normal)) and not module._HARMLESS_NAME.search(normal)
            assert there == secret_names.is_secret(name), name
            assert bool(module._BARE_NAME.match(name)) == secret_names.is_bare(name), name
