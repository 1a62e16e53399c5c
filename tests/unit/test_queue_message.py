# SPDX-License-Identifier: GPL-3.0-only
"""Messages for a queue: every byte in exactly one entry, whatever comes in, and none larger than is allowed."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.deliver.contract import Chunk, End, Erased
from PilotLoggingDIRAC.deliver.queue.encoder import SMALLEST_BODY, encode
from PilotLoggingDIRAC.lines.parser import LineParser
from PilotLoggingDIRAC.model import LogKey

SCHEMA = json.loads((files("PilotLoggingDIRAC.deliver.queue") / "message.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
KEY = LogKey("alpha", "0" * 32)
ARRIVAL = datetime(2026, 11, 24, 12, 0, 0, 5, UTC)
PILOT = b"2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] "
WRAPPER = b"2026-06-10T11:02:02,823512Z ERROR    [pilotLogger] "
BITS = st.lists(
    st.sampled_from([PILOT, WRAPPER, b"\n", b"\n" + PILOT, b"raw output\n", b"\xed\xa0\x80", b"\0\x1b[2J", b"\xc3"])
    | st.binary(max_size=20)
    | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    max_size=40,
).map(b"".join)


def chunk(text: bytes, **more: Any) -> Chunk:
    return Chunk(**{"key": KEY, "chunk_id": 7, "text": text, "first_line": 3, "arrival": ARRIVAL} | more)


def documents(what: Chunk, largest: int = 10**6) -> list[dict[str, Any]]:
    found = []
    for message in encode(what, largest):
        assert len(message.body) <= largest
        document = json.loads(message.body)
        VALIDATOR.validate(document)
        found.append(document)
    if what.end is None:
        assert [document["part"] for document in found] == list(range(1, len(found) + 1))
        assert {document["parts"] for document in found} == {len(found)}
    return found


def rebuilt(document: dict[str, Any]) -> bytes:
    return b"".join(
        base64.b64decode(entry["raw"]) if "raw" in entry else (entry.get("header", "") + entry["text"]).encode()
        for entry in document["entries"]
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_message_as_it_is_documented() -> None:
    text = b"rest\n" + PILOT + b"Hello\n  more\n" + WRAPPER + b"d\xc3\xa4mn"
    (message,) = encode(chunk(text, session="s", seq=4, context={"site": "LCG.X.org", "ce": "ce:1"}), 10**6)
    assert message.headers == {
        "persistent": "true",
        "content-type": "application/json",
        "amq-msg-type": "text",
        "key": f"alpha/{KEY.stamp}/7/1",
        "vo": "alpha",
        "stamp": KEY.stamp,
        "site": "LCG.X.org",
        "ce": "ce:1",
        "level": "ERROR",
        "final": "false",
    }
    assert json.loads(message.body) == {
        "version": 1,
        "vo": "alpha",
        "stamp": KEY.stamp,
        "chunk": 7,
        "part": 1,
        "parts": 1,
        "arrival": "2026-11-24T12:00:00.000005Z",
        "session": "s",
        "seq": 4,
        "context": {"site": "LCG.X.org", "ce": "ce:1"},
        "firstLine": 3,
        "lastLine": 6,
        "entries": [
            {"text": "rest\n"},
            {
                "time": "2026-06-10T11:02:02.823512Z",
                "level": "INFO",
                "command": "CheckWorkerNode",
                "header": PILOT.decode(),
                "text": "Hello\n  more\n",
            },
            {
                "time": "2026-06-10T11:02:02.823512Z",
                "level": "ERROR",
                "command": "pilotLogger",
                "header": WRAPPER.decode(),
                "text": "dämn",
            },
        ],
    }


def test_the_end_of_a_log() -> None:
    (message,) = encode(chunk(b"", end=End(True, 3)), 10**6)
    assert (message.headers["final"], message.headers["key"]) == ("true", f"alpha/{KEY.stamp}/7/0")
    (document,) = documents(chunk(b"", end=End(True, 3)))
    assert (document["end"], document["entries"]) == ({"finalised": True, "exitCode": 3}, [])
    assert (document["firstLine"], document["lastLine"]) == (3, 2)


@pytest.mark.parametrize("places", [1, 400, 5000])
def test_what_was_erased(places: int) -> None:
    """With the bytes where they fit, else with the chunks, else without places."""
    where = dict.fromkeys(range(1, places + 1), ((2, 5), (10**6, 10**6 + 7)))
    (document,) = documents(chunk(b"", erased=Erased("an operator", ARRIVAL, 3, where)), SMALLEST_BODY)
    erased = document["erased"]
    assert (erased["by"], erased["lines"], document["entries"]) == ("an operator", 3, [])
    if places == 1:
        assert erased["places"] == [{"chunk": 1, "bytes": [[2, 5], [10**6, 10**6 + 7]]}]
    elif places == 400:
        assert erased["places"][-1] == {"chunk": 400, "bytes": []}
    else:
        assert erased["places"] == []


def test_a_line_that_stands_for_what_was_left_out() -> None:
    (document,) = documents(chunk(b"[...]\n", left_out=1000))
    assert document["leftOut"] == 1000


def test_bytes_that_are_no_text_come_along_exactly() -> None:
    text = PILOT + b"a \xed\xa0\x80 b \xff\n" + PILOT + b"plain\n"
    (document,) = documents(chunk(text))
    first, second = document["entries"]
    assert "\ufffd" in first["text"]
    assert base64.b64decode(first["raw"]) == PILOT + b"a \xed\xa0\x80 b \xff\n"
    assert "raw" not in second


@pytest.mark.parametrize("lead", [b"\n", b"\n\n", b" \n", b"\x7f\n", b"\xc3\xa4\n"])
def test_an_empty_line_before_the_first_header_is_kept(lead: bytes) -> None:
    (document,) = documents(chunk(lead + PILOT + b"a\n"))
    assert [entry["text"].encode() for entry in document["entries"]] == [lead, b"a\n"]


def test_a_header_that_is_no_text_comes_along_exactly() -> None:
    text = b"2026-06-10T11:02:02Z INFO [\xff\xfe] hi\n"
    (document,) = documents(chunk(text))
    assert rebuilt(document) == text


@given(BITS)
def test_every_byte_is_in_one_entry(text: bytes) -> None:
    (document,) = documents(chunk(text))
    assert rebuilt(document) == text
    assert document["lastLine"] == 3 + text.count(b"\n") - (text.endswith(b"\n") or not text)
    for entry in document["entries"]:
        assert ("level" in entry) == ("header" in entry)
        assert not any("\ud800" <= character <= "\udfff" for character in entry["text"])


@given(BITS | BITS.map(lambda bits: bytes(byte & 0x7F for byte in bits)))
def test_entries_have_the_headers_that_readers_of_lines_see(text: bytes) -> None:
    """Plain ASCII goes another way through the code."""
    (document,) = documents(chunk(text))
    parser = LineParser()
    lines = [line for line in (*parser.feed(text), *parser.finish()) if line.header]
    entries = [entry for entry in document["entries"] if "level" in entry]
    assert [(entry["level"], entry.get("command", "")) for entry in entries] == [
        (line.level.name, line.command) for line in lines
    ]
    assert ["time" in entry for entry in entries] == [line.time is not None for line in lines]
    assert all(entry["time"].startswith("2026-06-10T11:02:02.823512") for entry in entries if "time" in entry)
    highest = max((line.level for line in lines), default=None)
    (message,) = encode(chunk(text), 10**6)
    assert message.headers["level"] == ("" if highest is None else highest.name)


@pytest.mark.parametrize(
    "text",
    [
        PILOT + b"x" * 60_000,
        (PILOT + b"line\n") * 3000,
        b"\n" * 50_000,
        b"\0" * 50_000,
        (PILOT + b"\n") * 2000,
        "ä€𝄞".encode() * 9000,
        b"\xff" * 50_000,
        PILOT + b"\xff" * 30_000 + b"\n" + b"y\n" * 9000,
    ],
    ids=["one line", "lines", "ends of lines", "NULs", "headers", "wide characters", "no text", "a mixture"],
)
def test_a_large_piece_is_cut(text: bytes) -> None:
    found = documents(chunk(text), SMALLEST_BODY)
    assert len(found) > 1
    assert b"".join(map(rebuilt, found)) == text
    line = 3
    for document in found:
        assert document["firstLine"] == line
        line += rebuilt(document).count(b"\n")
    keys = [message.headers["key"] for message in encode(chunk(text), SMALLEST_BODY)]
    assert keys == [f"alpha/{KEY.stamp}/7/{number}" for number in range(1, len(found) + 1)]


@given(BITS.map(lambda bits: (bits + b"x") * 900), st.sampled_from([SMALLEST_BODY, 50_000]))
def test_parts_are_never_too_large_and_lose_nothing(text: bytes, largest: int) -> None:
    assert b"".join(map(rebuilt, documents(chunk(text[:400_000]), largest))) == text[:400_000]


def test_wide_characters_are_not_cut() -> None:
    for document in documents(chunk("€".encode() * 30_000), SMALLEST_BODY):
        assert all("raw" not in entry for entry in document["entries"])


def test_twenty_megabytes_are_cut_in_seconds() -> None:
    text = (PILOT + b"x" * 60 + b"\n") * (20_000_000 // 112)
    found = encode(chunk(text), 10**6)
    assert 20 < len(found) < 80
