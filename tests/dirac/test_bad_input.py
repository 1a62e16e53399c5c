# SPDX-License-Identifier: GPL-3.0-only
"""Whatever comes in: a clear, typed error or stored faithfully; and the collector serves the next request."""

from __future__ import annotations

import gzip
import http.client
import json
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import FORM, REJECTED, Answer, Client, form
from harness.sender import batch
from harness.stacks import RunningStack, dumped

STAMP = uuid.uuid4().hex
"""Nothing of what is refused below is stored under it."""


@pytest.fixture(autouse=True)
def serves_the_next_request(stack: RunningStack, pilot: Client) -> Iterator[None]:
    """On the same connection and on a new one."""
    yield
    for client in (pilot, stack.client("alpha_pilot")):
        assert client("sendMessage", dumped("next\n"), uuid.uuid4().hex, "alpha")["OK"]
    (process,) = (p for p in stack.plan.processes.values() if p.name == "collector-0")
    assert process.is_running()
    # Refused on purpose is not the same as stumbled over.
    assert "Exception serving request" not in _new_log_of(stack)


def _new_log_of(stack: RunningStack) -> str:
    log = stack.log_of("collector-0")
    seen: int = getattr(stack, "seen_of_log", 0)
    stack.seen_of_log = len(log)  # type: ignore[attr-defined]
    return log[seen:]


WRONG_DOCUMENTS = {
    "not JSON": "no JSON at all",
    "nothing": "",
    "half of it": '"cut off',
    "a number": "5",
    "null": "null",
    "true": "true",
    "an object": '{"text": "x"}',
    "a list of numbers": "[1, 2]",
    "a list of lists": '[["x"]]',
    "a list of null": "[null]",
    "two documents": '"x" "y"',
    "100,000 brackets": "[" * 100_000,
    "a number of 5,000 digits": "1" * 5000,
    "binary rubbish": "".join(map(chr, range(256))),
    "no string": 5,
    "no string but null": None,
    "no string but an object": {"text": "x"},
    "no string but a list": ["x"],
}


_CASES = [(method, name) for method in ("sendMessage", "finaliseLogs") for name in WRONG_DOCUMENTS]
_CASES.remove(("finaliseLogs", "an object"))


@pytest.mark.parametrize(("method", "name"), _CASES)
def test_wrong_documents(pilot: Client, user: Client, method: str, name: str) -> None:
    number, sentence = pilot(method, WRONG_DOCUMENTS[name], STAMP, "alpha").refusal
    assert number == REJECTED
    assert len(sentence) < 300
    assert user("listLogs", {"Stamp": STAMP}).value["total"] == 0


WRONG_STAMPS = [
    "",
    "../../../../etc/passwd",
    "A" * 32,
    "a" * 31,
    "a" * 33,
    "a" * 32 + "\n",
    "5D4A2D6C-7BB1-4F0E-9A65-9A1B0FBA5F9D",
    "\u0664" * 32,
    "\x00" * 32,
    "a" * 1_000_000,
    "'; DROP TABLE PilotLogs; --",
    None,
    5,
    ["a" * 32],
    {"stamp": "a" * 32},
    True,
]


@pytest.mark.parametrize("stamp", WRONG_STAMPS, ids=lambda stamp: ascii(stamp)[:30])
def test_wrong_stamps(pilot: Client, user: Client, stamp: Any) -> None:
    answers = [
        pilot("sendMessage", dumped("x"), stamp, "alpha"),
        pilot("finaliseLogs", dumped({}), stamp, "alpha"),
        pilot("appendLog", batch(stamp, 1, "x")),
        user("getLogs", stamp, "alpha"),
        user("readLog", stamp, "alpha"),
    ]
    for answer in answers:
        number, sentence = answer.refusal
        assert number == REJECTED
        assert len(sentence) < 300


WRONG_VOS = [
    "gamma",
    "Alpha",
    "alpha ",
    "alpha\n",
    "../alpha",
    "a" * 65,
    "\ud800",
    "\x00",
    5,
    1.5,
    True,
    ["alpha"],
    {"a": 1},
]


@pytest.mark.parametrize("vo", WRONG_VOS, ids=lambda vo: ascii(vo)[:30])
def test_wrong_vos(stack: RunningStack, vo: Any) -> None:
    host = stack.as_host()
    for answer in (
        host("sendMessage", dumped("x"), STAMP, vo),
        host("finaliseLogs", dumped({}), STAMP, vo),
        host("appendLog", batch(STAMP, 1, "x", vo=vo)),
    ):
        number, sentence = answer.refusal
        assert number == REJECTED
        assert "VO" in sentence
    # Reading needs no registered VO: there is just nothing.
    for answer in (host("getLogs", STAMP, vo), host("readLog", STAMP, vo)):
        assert answer.refusal[0] in (REJECTED, 3403)


WRONG_BATCHES: dict[str, Any] = {
    "no object": "text",
    "null": None,
    "a list": [],
    "nothing in it": {},
    "an unknown field": batch(STAMP, 1, "x", sequence=1),
    "an unknown field of surrogates": batch(STAMP, 1, "x", **{"\ud800" * 1000: 1}),
    "seq below 0": batch(STAMP, -1, "x"),
    "seq as text": batch(STAMP, "1", "x"),
    "seq as true": batch(STAMP, True, "x"),
    "seq with a fraction": batch(STAMP, 1.5, "x"),
    "seq as 1.0": batch(STAMP, 1.0, "x"),
    "seq beyond exact numbers": batch(STAMP, 2**53 + 1, "x"),
    "seq of 4,000 digits": batch(STAMP, 10**4000, "x"),
    "no seq": batch(STAMP, None, "x"),
    "text as bytes would be": batch(STAMP, 1, [120]),
    "text null": batch(STAMP, 1, None),
    "session empty": batch(STAMP, 1, "x", session=""),
    "session too long": batch(STAMP, 1, "x", session="s" * 65),
    "session with a line end": batch(STAMP, 1, "x", session="s\n"),
    "session null": batch(STAMP, 1, "x", session=None),
    "session a number": batch(STAMP, 1, "x", session=1),
    "context a list": batch(STAMP, 1, "x", context=["site"]),
    "site a number": batch(STAMP, 1, "x", context={"site": 5}),
    "final a word": batch(STAMP, 1, "x", final="yes"),
    "final true": batch(STAMP, 1, "x", final=True),
}


@pytest.mark.parametrize("name", WRONG_BATCHES)
def test_wrong_batches(pilot: Client, user: Client, name: str) -> None:
    number, sentence = pilot("appendLog", WRONG_BATCHES[name]).refusal
    assert number == REJECTED
    assert len(sentence) < 300
    assert user("listLogs", {"Stamp": STAMP}).value["total"] == 0


def _fields(**fields: Any) -> bytes:
    return urllib.parse.urlencode(fields).encode()


WRONG_BODIES: dict[str, bytes] = {
    "arguments are no JSON": _fields(method="sendMessage", args="["),
    "arguments are an object": _fields(method="sendMessage", args="{}"),
    "arguments are null": _fields(method="sendMessage", args="null"),
    "no arguments": _fields(method="sendMessage"),
    "too few arguments": form("sendMessage", dumped("x")),
    "too many arguments": form("sendMessage", dumped("x"), STAMP, "alpha", "more"),
    "a named argument's object": form("appendLog", batch(STAMP, 1, "x"), {"y": 1}),
    "no UTF-8": b"method=sendMessage&args=%5B%22%FF%FE%22%5D",
    "binary rubbish in the arguments": b"method=sendMessage&args=" + bytes(range(256)),
    "extraCredentials are no JSON": _fields(method="sendMessage", args="[]", extraCredentials="hosts"),
    "arguments too deep": _fields(method="sendMessage", args="[" * 100_000),
}


@pytest.mark.parametrize("name", WRONG_BODIES)
def test_wrong_bodies(pilot: Client, name: str) -> None:
    answer = pilot.post(WRONG_BODIES[name])
    assert answer.status == http.client.OK
    number, sentence = answer.refusal
    assert number == REJECTED
    assert len(sentence) < 300


NO_CALLS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "binary rubbish": (bytes(range(256)) * 100, {}),
    "JSON": (b'{"method": "sendMessage"}', {"Content-Type": "application/json"}),
    "no method": (_fields(args="[]"), {}),
    "a private method": (_fields(method="_pre_initialize", args="[]"), {}),
    "no content type": (form("sendMessage", dumped("x"), STAMP, "alpha"), {"Content-Type": ""}),
    "broken multipart": (b"--x\r\nrubbish", {"Content-Type": "multipart/form-data; boundary=x"}),
    "multipart without a boundary": (b"--x\r\nrubbish", {"Content-Type": "multipart/form-data"}),
}


@pytest.mark.parametrize("name", NO_CALLS)
def test_what_is_no_call_has_no_method(pilot: Client, user: Client, name: str) -> None:
    """DIRAC's own answer to a method that there is not."""
    body, headers = NO_CALLS[name]
    answer = pilot.post(body, headers)
    if answer.status != http.client.NOT_IMPLEMENTED:
        assert answer.refusal[0] == REJECTED
    assert user("listLogs", {"Stamp": STAMP}).value["total"] == 0


MULTIPART = "multipart/form-data; boundary=a"
SMALL_AND_MANY: dict[str, tuple[bytes, str]] = {
    "fields": (b"&" * 79 * 10**6, FORM),
    "pairs": (b"a=b&" * 19 * 10**6, FORM),
    "parts": (b"--a\r\nA:b\r\n\r\n\r\n" * 5 * 10**6 + b"--a--", MULTIPART),
    "lines of a part": (b"x--a\r\n" * 13 * 10**6 + b"--a--", MULTIPART),
    "lists": (b"method=listLogs&args=[" + b"[]," * 26 * 10**6 + b"[]]", FORM),
    "lists for a writer": (b"method=sendMessage&args=[" + b"[]," * 26 * 10**6 + b"[]]", FORM),
    "objects": (b"method=appendLog&args=[{" + b'"x":{},' * 11 * 10**6 + b'"y":0}]', FORM),
    "depth": (b"method=appendLog&args=" + b"[" * 79 * 10**6, FORM),
    "extra credentials": (b"method=ping&extraCredentials=[" + b"0," * 39 * 10**6 + b"0]", FORM),
    "bad quoting": (b"method=sendMessage&args=" + b"%" * 79 * 10**6, FORM),
}


@pytest.mark.parametrize("name", SMALL_AND_MANY)
def test_little_that_unfolds_to_much(pilot: Client, user: Client, name: str) -> None:
    """Some kB of gzip: refused before it is read to the end, in one sentence or by DIRAC's answer to no method. Once
    these took minutes each, and in them the event loop did nothing else."""
    body, content_type = SMALL_AND_MANY[name]
    for client in (pilot, user):
        packed = gzip.compress(body, 1)
        assert len(packed) < 2**20
        answer = client.post(packed, {"Content-Encoding": "gzip", "Content-Type": content_type})
        if answer.status not in (http.client.NOT_IMPLEMENTED, http.client.UNAUTHORIZED):
            number, sentence = answer.refusal
            assert number == REJECTED
            assert len(sentence) < 300


def test_a_list_of_lines_without_measure_is_refused(pilot: Client) -> None:
    number, sentence = pilot("sendMessage", "[" + '"",' * 2_000_000 + '""]', STAMP, "alpha").refusal
    assert (number, "more than 500000" in sentence) == (REJECTED, True)


@pytest.mark.parametrize(
    "body", [b"", b"no gzip at all", b"\x1f\x8b" + b"rubbish" * 100], ids=["empty", "plain", "cut"]
)
def test_broken_gzip_is_answered_or_hung_up_on(pilot: Client, body: bytes) -> None:
    try:
        answer = pilot.post(body, {"Content-Encoding": "gzip"})
    except (OSError, http.client.HTTPException):
        pilot.close()
        return
    assert not answer["OK"]


def _with_much_text(body: bytes, size: int) -> bytes:
    """The word MUCH in a body, replaced by so many bytes. (urlencode takes seconds for them.)"""
    assert body.count(b"MUCH") == 1
    return body.replace(b"MUCH", b"x" * size)


def test_a_message_of_20_mb_is_refused(pilot: Client, user: Client) -> None:
    stock = _with_much_text(form("sendMessage", dumped("MUCH"), STAMP, "alpha"), 20 * 10**6)
    ours = _with_much_text(form("appendLog", batch(STAMP, 1, "MUCH")), 20 * 10**6)
    for answer in (
        pilot.post(stock),
        pilot.post(ours),
        pilot.post(gzip.compress(ours, 1), {"Content-Encoding": "gzip"}),
    ):
        number, sentence = answer.refusal
        assert number == REJECTED
        assert "MaxMessageSize" in sentence
    assert user("listLogs", {"Stamp": STAMP}).value["total"] == 0


def test_a_body_beyond_all_measure_is_refused(pilot: Client) -> None:
    body = form("sendMessage", dumped("x"), STAMP, "alpha") + b"&x=" + b"0" * (85 * 2**20)
    assert pilot.post(body).refusal[0] == REJECTED


def test_a_message_that_claims_a_gigabyte(pilot: Client) -> None:
    """It is refused before a byte of it has been read."""
    connection = pilot.connect()
    connection.putrequest("POST", pilot.address.path)
    connection.putheader("Content-Type", FORM)
    connection.putheader("Content-Length", str(2**30))
    connection.endheaders()
    assert Answer(json.loads(connection.getresponse().read())).refusal[0] == REJECTED
    connection.close()


def test_a_message_of_exactly_the_limit_is_stored(pilot: Client, user: Client, stamp: str) -> None:
    limit = 10 * 2**20
    body = form("appendLog", batch(stamp, 1, "MUCH€"))
    assert pilot.post(_with_much_text(body, limit - 3))["OK"]
    assert pilot.post(_with_much_text(form("appendLog", batch(stamp, 2, "MUCH€")), limit - 2)).refusal[0] == REJECTED
    assert user.text_of(stamp) == "x" * (limit - 3) + "€"


HOSTILE = {
    "NULs": "before\x00after\x00\n",
    "all of Latin-1": "".join(map(chr, range(256))),
    "ANSI escapes": "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07\n",
    "lone surrogates": "\ud800 and \udfff and \udce4\n",
    "line ends of all kinds": "a\r\nb\rc\u2028d\u2029e\x0bf\x0cg\x85h\n",
    "beyond the basic plane": "𝄞 😀 \U0010ffff\n",
    "right to left": "\u202egnp.exe\u202c\n",
    "no line end": "x",
    "only line ends": "\n\n\n",
    "blanks": " \t  \n",
    "like JSON": '{"OK": false} "\\u0000" \\n',
    "like a form": "a=b&args=[]&method=ping+%00%FF\n",
    "like SQL": "'; DROP TABLE PilotLogs; --\n",
    "like HTML": "<script>alert(1)</script>\n",
    "a byte order mark": "\ufeffx\n",
    "one line of a megabyte": "x" * 2**20,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_stored_faithfully(pilot: Client, user: Client, stamp: str, name: str) -> None:
    text = HOSTILE[name]
    for document, expected in ((text, text), ([text, text], f"{text}\n{text}\n")):
        own = uuid.uuid4().hex
        assert pilot("sendMessage", dumped(document), own, "alpha")["OK"]
        assert user.text_of(own) == expected
    assert pilot("appendLog", batch(stamp, 1, text))["OK"]
    assert user.text_of(stamp) == text
    assert user("getLogs", stamp, "alpha").value["StdOut"] == text


def test_text_of_the_context_is_stored_harmless(pilot: Client, user: Client, stamp: str) -> None:
    context = {"site": "\ud800\x00\x1b[31m", "host": "h" * 10_000, "ce": "<b>'\"; --"}
    assert pilot("appendLog", batch(stamp, 1, "x\n", context=context))["OK"]
    (row,) = user("listLogs", {"Stamp": stamp}).value["rows"]
    assert row["Site"] == "???[31m"
    assert row["Host"] == "h" * 255
    assert row["CE"] == context["ce"]


WRONG_READS: dict[str, list[Any]] = {
    "cursor a number": [STAMP, "alpha", 5, 0],
    "cursor a word": [STAMP, "alpha", "beginning", 0],
    "cursor below 0": [STAMP, "alpha", "-1.0.0", 0],
    "cursor of 30 digits": [STAMP, "alpha", f"{10**30}.0.0", 0],
    "cursor a list": [STAMP, "alpha", ["1.0.0"], 0],
    "maxBytes below 0": [STAMP, "alpha", "", -1],
    "maxBytes as text": [STAMP, "alpha", "", "10"],
    "maxBytes true": [STAMP, "alpha", "", True],
    "maxBytes null": [STAMP, "alpha", "", None],
    "maxBytes with a fraction": [STAMP, "alpha", "", 10.5],
}


@pytest.mark.parametrize("name", WRONG_READS)
def test_wrong_reads(user: Client, name: str) -> None:
    assert user("readLog", *WRONG_READS[name]).refusal[0] == REJECTED


WRONG_LISTS: dict[str, list[Any]] = {
    "selection a word": ["Stamp"],
    "selection a number": [5],
    "an unknown condition": [{"LogID": 1}],
    "an unknown condition of surrogates": [{"\ud800": 1}],
    "a condition that is an object": [{"Stamp": {"like": "%"}}],
    "a condition that is null": [{"Stamp": None}],
    "a condition that is true": [{"ExitCode": True}],
    "a condition of lists": [{"Stamp": [["x"]]}],
    "a lone surrogate": [{"Site": "\ud800"}],
    "a number beyond the database's": [{"ExitCode": 10**30}],
    "no time": [{"Since": "yesterday"}],
    "a time as a number": [{"Since": 5}],
    "a time before all times": [{"Since": "0001-01-01T00:00:00+14:00"}],
    "a time after all times": [{"Until": "9999-12-31T23:59:59-14:00"}],
    "a flag as a word": [{"HasErrors": "yes"}],
    "sort a word": [{}, "Stamp"],
    "sort an object": [{}, {"Stamp": "ASC"}],
    "sort not pairs": [{}, ["Stamp", "ASC"]],
    "sort by what is internal": [{}, [["Numbering", "ASC"]]],
    "sort sideways": [{}, [["Stamp", "ASC; DROP TABLE PilotLogs"]]],
    "sort by a list": [{}, [[["Stamp"], "ASC"]]],
    "start below 0": [{}, [], -1],
    "start as text": [{}, [], "0"],
    "start beyond the database's numbers": [{}, [], 10**30],
    "limit 0": [{}, [], 0, 0],
    "limit 1001": [{}, [], 0, 1001],
    "limit true": [{}, [], 0, True],
    "parts a word": [{"Contains": "x"}],
    "a part of an unknown column": [{"Contains": {"Numbering": "x"}}],
    "a part that is empty": [{"Contains": {"Site": ""}}],
    "no parts": [{"Contains": {"Site": []}}],
    "too many parts": [{"Contains": {"Site": ["x"] * 21}}],
    "a part that is a list": [{"Contains": {"Site": [["x"]]}}],
    "a part of a VO's name that is a number": [{"Contains": {"VO": 5}}],
    "parts of VOs' names with a number": [{"Contains": {"VO": ["alpha", 5]}}],
    "a part that is a number": [{"Contains": {"Site": 5}}],
    "a part of a lone surrogate": [{"Contains": {"Site": "\ud800"}}],
    "a part that is longer than the column": [{"Contains": {"Site": "x" * 256}}],
    "silent as a word": [{"Silent": "yes"}],
    "too many values": [{"Stamp": [STAMP] * 1001}],
    "too many exit codes": [{"ExitCode": list(range(1001))}],
    "a value that is longer than the column": [{"Site": "x" * 256}],
    "too many sorts": [{}, [["VO", "ASC"]] * 5],
}


@pytest.mark.parametrize("name", WRONG_LISTS)
def test_wrong_lists(user: Client, name: str) -> None:
    number, sentence = user("listLogs", *WRONG_LISTS[name]).refusal
    assert number == REJECTED
    assert len(sentence) < 400


WRONG_LOOKS: dict[str, tuple[str, list[Any]]] = {
    "columns a word": ("listValues", [{}, "Site"]),
    "columns missing": ("listValues", [{}]),
    "a column that is not counted": ("listValues", [{}, ["Stamp"]]),
    "a column that is an object": ("listValues", [{}, [{"Site": 1}]]),
    "no values": ("listValues", [{}, ["Site"], 0]),
    "a selection of nonsense": ("listValues", [["x"], ["Site"]]),
    "counts by a list": ("countLogs", [{}, ["Site"]]),
    "counts by what is not counted": ("countLogs", [{}, "Stamp"]),
    "no counts": ("countLogs", [{}, "Site", 0]),
    "a stamp that is none": ("outlineLog", ["x", "alpha"]),
    "a version that is a list": ("outlineLog", [STAMP, "alpha", ["1"]]),
    "first 0": ("readLines", [STAMP, "alpha", 0]),
    "first beyond JSON's numbers": ("readLines", [STAMP, "alpha", 2**53]),
    "first as text": ("readLines", [STAMP, "alpha", "1"]),
    "count 5001": ("readLines", [STAMP, "alpha", 1, 5001]),
    "count null": ("readLines", [STAMP, "alpha", 1, None]),
    "numbers an object": ("readLines", [STAMP, "alpha", 1, 1, {"1": 1}]),
    "numbers as texts": ("readLines", [STAMP, "alpha", 1, 1, ["1"]]),
    "too many numbers": ("readLines", [STAMP, "alpha", 1, 1, [*range(1, 5002)]]),
    "longest beyond 1 MB": ("readLines", [STAMP, "alpha", 1, 1, None, 2**20 + 1]),
    "query missing": ("findLines", [STAMP, "alpha"]),
    "query a list": ("findLines", [STAMP, "alpha", ["x"]]),
    "query of an unknown condition": ("findLines", [STAMP, "alpha", {"like": "x"}]),
    "text empty": ("findLines", [STAMP, "alpha", {"text": ""}]),
    "text huge": ("findLines", [STAMP, "alpha", "x" * 501]),
    "text of two lines": ("findLines", [STAMP, "alpha", "x\ny"]),
    "text a number": ("findLines", [STAMP, "alpha", {"text": 5}]),
    "a pattern that is none": ("findLines", [STAMP, "alpha", {"regex": "("}]),
    "a pattern that looks behind": ("findLines", [STAMP, "alpha", {"regex": "(?<=x)y"}]),
    "a pattern that is too large": ("findLines", [STAMP, "alpha", {"regex": "((x{900}){900}){900}"}]),
    "a pattern of surrogates": ("findLines", [STAMP, "alpha", {"regex": "\ud800"}]),
    "levels a word": ("findLines", [STAMP, "alpha", {"levels": "ERROR"}]),
    "an unknown level": ("findLines", [STAMP, "alpha", {"levels": ["LOUD"]}]),
    "commands a list of lists": ("findLines", [STAMP, "alpha", {"commands": [["x"]]}]),
    "since no time": ("findLines", [STAMP, "alpha", {"since": "yesterday"}]),
    "until a number": ("findLines", [STAMP, "alpha", {"until": 5}]),
    "own a word": ("findLines", [STAMP, "alpha", {"own": "yes"}]),
    "ignoreCase a number": ("findLines", [STAMP, "alpha", {"text": "x", "ignoreCase": 1}]),
    "limit 10001": ("findLines", [STAMP, "alpha", "x", 1, 10_001]),
    "nothing to search for": ("searchLogs", []),
    "a search with a wrong cursor": ("searchLogs", ["x", {}, "1.2"]),
    "a search with a cursor of 30 digits": ("searchLogs", ["x", {}, f"{10**30}.0.0.0.0"]),
    "a search in a selection of nonsense": ("searchLogs", ["x", "alpha"]),
    "a search for no lines": ("searchLogs", ["x", {}, "", 0]),
}


@pytest.mark.parametrize("name", WRONG_LOOKS)
def test_wrong_looks_at_lines(user: Client, name: str) -> None:
    method, arguments = WRONG_LOOKS[name]
    number, sentence = user(method, *arguments).refusal
    assert number == REJECTED
    assert len(sentence) < 400


def test_a_long_list_of_stamps_is_served(user: Client) -> None:
    assert user("listLogs", {"Stamp": [STAMP] * 1000}).value["total"] == 0


@pytest.mark.parametrize("method", ["listLogs", "sendMessage"])
def test_what_is_large_is_refused_slowly(pilot: Client, method: str) -> None:
    """Whoever sends the same again at once gets nowhere, and others get on."""
    begun = time.monotonic()
    assert pilot.post(_fields(method=method, args="[" * 200_000))["OK"] is False
    assert time.monotonic() - begun >= 0.5


def test_a_refusal_cannot_forge_a_line_of_the_collectors_log(stack: RunningStack, pilot: Client) -> None:
    forged = f"2026-06-10T11:02:02Z Tornado NOTICE: {uuid.uuid4()}"
    for hostile in (f"x\n{forged}", f"x\r{forged}", f"x\x1b[2K{forged}"):
        pilot("sendMessage", dumped("x"), hostile, "alpha")
        pilot("appendLog", batch(STAMP, 1, "x", **{hostile: 1}))
        pilot.post(_fields(method=hostile, args="[]"))
        pilot.post(_fields(method="ping", args=hostile))
    lines = stack.log_of("collector-0").splitlines()
    assert any(forged in line for line in lines)
    assert not any(line.startswith(forged) for line in lines)
    assert "\x1b" not in stack.log_of("collector-0")


def test_no_reply_tells_more_than_the_error(pilot: Client) -> None:
    """Neither a call stack nor who called."""
    assert pilot("sendMessage", "no JSON", STAMP, "alpha").keys() == {"OK", "Errno", "Message"}
    assert json.dumps(pilot("sendMessage", dumped("x"), "y", "alpha")).count("/") == 0
