# SPDX-License-Identifier: GPL-3.0-only
"""Secrets never reach the database: through a real collector, from both kinds of senders."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest
import zstandard
from harness.sender import batch
from harness.stacks import RunningStack, dumped

SECRET = "hunter2hunter2hunter2"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwaWxvdCIsImlzcyI6Imh0dHBzOi8vZXhhbXBsZS5vcmcifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
ENVIRONMENT = (
    "2026-06-10T11:02:02,823512Z DEBUG    [PilotWrapper] environment\n"
    f"export MYSQL_PASSWORD={SECRET}\n"
    "export X509_USER_PROXY=/tmp/x509up_u1000\n"
    f"export BEARER_TOKEN={JWT}\n"
    "HOME=/home/pilot\n"
)


@pytest.fixture(scope="module")
def own(own_stack: Callable[..., RunningStack]) -> RunningStack:
    """VO alpha with a pattern of its own; VO beta does not want any of it."""
    return own_stack(
        "--option",
        "/Operations/alpha/Pilot/Redaction/Badge=badge-[0-9]{6}",
        "--option",
        "/Operations/beta/Pilot/Redact=no",
    )


def _everything_stored(stack: RunningStack) -> bytes:
    """All text of all logs, and all other columns of the database."""
    with sqlite3.connect(stack.layout.sqlite) as connection:
        texts = [zstandard.decompress(data) for (data,) in connection.execute("SELECT Data FROM PilotLogChunks")]
        rows = repr(connection.execute("SELECT * FROM PilotLogs").fetchall()).encode()
    return b"".join([*texts, rows])


def test_what_a_stock_pilot_sends(own: RunningStack, stamp: str) -> None:
    pilot, user = own.client("alpha_pilot"), own.client("alpha_user")
    assert pilot("sendMessage", dumped(ENVIRONMENT + "my badge-123456 is shown\n"), stamp, "alpha")["OK"]
    text = user.text_of(stamp)
    stored = _everything_stored(own)
    for secret in (SECRET, JWT.split(".")[1], "badge-123456"):
        assert secret not in text
        assert secret.encode() not in stored
    assert "export X509_USER_PROXY=/tmp/x509up_u1000\nexport BEARER_TOKEN=" in text
    assert text.endswith("is shown\n")
    assert text.count("\n") == ENVIRONMENT.count("\n") + 1
    # The same again, with more behind it: recognised by what was sent, not by what was stored.
    assert pilot("sendMessage", dumped(f"{ENVIRONMENT}my badge-123456 is shown\nmore\n"), stamp, "alpha")["OK"]
    assert user.text_of(stamp) == f"{text}more\n"


@pytest.mark.parametrize("cut", range(5, len(ENVIRONMENT), 7))
def test_a_secret_that_is_cut_in_two(own: RunningStack, stamp: str, cut: int) -> None:
    pilot, user = own.client("alpha_pilot"), own.client("alpha_user")
    for seq, text in enumerate((ENVIRONMENT[:cut], ENVIRONMENT[cut:]), 1):
        assert pilot("appendLog", batch(stamp, seq, text))["OK"]
    text = user.text_of(stamp)
    for secret in (SECRET, *JWT.split(".")):
        assert not any(secret[start : start + 8] in text for start in range(len(secret) - 8))
    assert text.startswith("2026-06-10T11:02:02,823512Z DEBUG    [PilotWrapper] environment\nexport MYSQL_PASSWORD=")
    assert text.endswith("HOME=/home/pilot\n")


def test_a_community_that_does_not_want_it(own: RunningStack, stamp: str) -> None:
    assert own.client("beta_pilot")("sendMessage", dumped(ENVIRONMENT), stamp, "beta")["OK"]
    assert own.client("beta_user").text_of(stamp) == ENVIRONMENT


def test_a_pattern_that_cannot_be_used_is_told_and_the_others_hold(
    own_stack: Callable[..., RunningStack], stamp: str
) -> None:
    stack = own_stack("--option", "/Operations/alpha/Pilot/Redaction/Broken=[0-9")
    assert stack.client("alpha_pilot")("sendMessage", dumped(ENVIRONMENT), stamp, "alpha")["OK"]
    assert SECRET not in stack.client("alpha_user").text_of(stamp)
    assert "/Operations/alpha/Pilot/Redaction" in stack.log_of("collector-0")
