# SPDX-License-Identifier: GPL-3.0-only
"""Worker node and collector take the same secrets out of the same corpus, and leave the same text alone."""

from __future__ import annotations

import base64
import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.redaction_corpus import (
    AMBIGUOUS,
    CASES,
    COLLECTOR_ONLY,
    COLLECTOR_ONLY_RULES,
    HARMLESS,
    SECRETS,
    marked,
    plain,
    rules_in_the_corpus,
)

from PilotLoggingDIRAC.redaction import NOTHING
from PilotLoggingDIRAC.redaction import Redactor as Collector

Redact = Callable[..., list[str]]
"""What is left of each piece of a log."""

_PILOT = Path(__file__).resolve().parents[2] / "pilot"


_COLLECTOR = Collector()


def _at_the_collector(*pieces: str) -> list[str]:
    stored, carry = [], NOTHING
    for piece in pieces:
        data, carry = _COLLECTOR.redacted(piece.encode(), carry)
        stored.append(data.decode())
    return stored


@pytest.fixture(scope="module")
def on_the_worker_node() -> Iterator[Redact]:
    sys.path.append(str(_PILOT))
    module = importlib.import_module("PilotLoggingRedaction")
    sys.path.remove(str(_PILOT))

    def redact(*pieces: str) -> list[str]:
        redactor = module.Redactor()
        return [redactor.redact(piece) for piece in pieces]

    yield redact


@pytest.fixture(params=["worker node", "collector"])
def redact(request: pytest.FixtureRequest, on_the_worker_node: Redact) -> Redact:
    return on_the_worker_node if request.param == "worker node" else _at_the_collector


@pytest.mark.parametrize("block", SECRETS)
def test_secrets_are_taken_out_and_nothing_else(redact: Redact, block: str) -> None:
    assert redact(plain(block)) == [marked(block)]


def test_each_line_alone_too(redact: Redact) -> None:
    for case in CASES:
        assert redact(plain(case)) == [marked(case)]


@pytest.mark.parametrize("block", HARMLESS + AMBIGUOUS)
def test_harmless_text_is_left_alone(redact: Redact, block: str) -> None:
    assert redact(block) == [block]
    lines = block.splitlines(keepends=True)
    assert redact(*lines) == lines


@pytest.mark.parametrize("block", HARMLESS)
def test_harmless_text_is_left_alone_wherever_it_is_cut(redact: Redact, block: str) -> None:
    for line in block.splitlines(keepends=True):
        for cut in range(len(line)):
            assert redact(line[:cut], line[cut:]) == [line[:cut], line[cut:]]


@pytest.mark.parametrize("block", COLLECTOR_ONLY)
def test_rules_that_only_the_collector_has(on_the_worker_node: Redact, block: str) -> None:
    assert marked(block) != plain(block)
    assert _at_the_collector(plain(block)) == [marked(block)]
    assert on_the_worker_node(plain(block)) == [plain(block)]


def test_these_rules_are_the_ones_that_are_named_and_do_not_become_more() -> None:
    assert rules_in_the_corpus() == COLLECTOR_ONLY_RULES.keys()
    assert len(COLLECTOR_ONLY_RULES) == 2


# The last lines of a key, whose first ones are not in the log; a message cut in it keeps what has no END behind it.
_TAIL = """reading the key
«b7Kq0fakeR4hW2mXnJpL8sVdTzYcE5uGiOaHfNwQkBvMxCrPtUjSyDlZeIgAo3F1»
«9xQzfakeW8eR7tYuIoPaSdFgHjKlZxCvBnM1qWeRtYuIoPlKjHgFdSaZxCvBnM2q»
«zwS9k+aV»
-----END RSA PRIVATE KEY-----
done
"""
_TAIL_ON_ONE_LINE = "...«b7Kq0fakeR4hW2mXnJpL8sVdTzYcE5uG\\nzwS9k+aV\\n»-----END PRIVATE KEY-----\\n\n"


@pytest.mark.parametrize(
    "tail", [_TAIL, _TAIL.replace("«", "2026-06-10T11:02:02.823512Z INFO [X] «"), _TAIL_ON_ONE_LINE]
)
def test_the_end_of_a_key_without_its_beginning(redact: Redact, tail: str) -> None:
    assert redact(plain(tail)) == [marked(tail)]


@pytest.mark.parametrize("name", ['"client_secret":', '"client_secret" : ', "'token':", '"PASSWORD":\r'])
def test_a_value_on_the_next_line(redact: Redact, name: str) -> None:
    text = f'{{\n  {name}\n    "«fAkE12fAkE»",\n  "a": 1\n}}\n'
    assert redact(plain(text)) == [marked(text)]
    lines = plain(text).splitlines(keepends=True)
    assert "".join(redact(*lines)) == marked(text)
    for cut in range(len(plain(text))):
        assert "fAkE12f" not in "".join(redact(plain(text)[:cut], plain(text)[cut:]))


def test_no_more_than_what_colours_a_secret_goes_with_it(redact: Redact) -> None:
    assert redact("\x1b[1mX_TOKEN\x1b[0m=\x1b[32mfake\x1b[33mfake12\x1b[0m\n\x1b[2Jtoken=/tmp/x\x1b[0m\n") == [
        "\x1b[1mX_TOKEN\x1b[0m=\x1b[32m[redacted]\x1b[0m\n\x1b[2Jtoken=/tmp/x\x1b[0m\n"
    ]


_KEY = "MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn1ygWyF0fakefakeQ2xM7hTgqyX0b1Zr9a\n"
_CERTIFICATE = f"-----BEGIN CERTIFICATE-----\n{_KEY * 3}-----END CERTIFICATE-----\n"
_PROXY = f"{_CERTIFICATE}-----BEGIN PRIVATE KEY-----\n{_KEY * 2}-----END PRIVATE KEY-----\n"
_JWT = (
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2lhbS5leGFtcGx"
    "lLm9yZyIsInN1YiI6ImZha2UifQ.ZmFrZV9zaWduYXR1cmVfZmFrZV9zaWduYXR1cmVfZmFrZQ"
)


@pytest.mark.parametrize("secret", [base64.b64encode(_PROXY.encode()).decode(), _JWT], ids=["proxy", "JWT"])
@pytest.mark.parametrize("width", [64, 76, 10_000])
def test_what_is_wrapped_as_a_whole(redact: Redact, secret: str, width: int) -> None:
    lines = textwrap.wrap(secret, width)
    assert redact("\n".join(["begin", *lines, "finished", ""])) == [
        "begin\n" + "[redacted]\n" * len(lines) + "finished\n"
    ]


def test_a_certificate_in_base64_stays(redact: Redact) -> None:
    text = f"ca: {base64.b64encode(_CERTIFICATE.encode()).decode()}\nfinished\n"
    assert redact(text) == [text]


def test_a_proxy_in_base64_on_one_line_wherever_it_is_cut(redact: Redact) -> None:
    secret = base64.b64encode(_PROXY.encode()).decode()
    for cut in range(0, len(secret), 7):
        sent = "".join(redact(f"proxy: {secret[:cut]}", f"{secret[cut:]}\nfinished\n"))
        assert cut < 21 or not any(secret[at : at + 8] in sent for at in range(21, len(secret) - 8))
