# SPDX-License-Identifier: GPL-3.0-only
"""HTTP requests, parsed without a server: what is one, what is none, and whatever else may come."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.https.gzip_body import BrokenGzip, Unfolding, unfold_at_once
from PilotLoggingDIRAC.https.http1_parser import LARGEST_HEAD, Body, End, Event, Head, RequestParser, Wrong

LINE = b"POST /p HTTP/1.1\r\nHost: x\r\n"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\n\r\n"


def parse(*pieces: bytes) -> list[Event]:
    parser = RequestParser()
    for piece in pieces:
        parser.feed(piece)
    return list(parser.events)


def summary(events: list[Event]) -> list[object]:
    """Requests as (method, url, body); None for one that is not complete, a text for what is wrong."""
    found: list[object] = []
    head: Head | None = None
    body = b""
    for event in events:
        match event:
            case Head():
                head, body = event, b""
            case Body(data):
                body += data
            case End():
                assert head is not None
                found.append((head.method, head.url, body))
                head = None
            case Wrong(reason):
                assert event is events[-1]
                found.append(reason)
    return found + [None] * (head is not None)


GOOD = {
    "a length": (LINE + b"Content-Length: 2\r\n\r\nab", b"ab"),
    "no body": (LINE + b"\r\n", b""),
    "chunks": (CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab"),
    "a chunk's extension": (CHUNKED + b'2;a=b;c="d"\r\nab\r\n0\r\n\r\n', b"ab"),
    "trailers": (CHUNKED + b"2\r\nab\r\n0\r\nX: y\r\nHost: other\r\n\r\n", b"ab"),
    "an encoding in capitals": (LINE + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
    "a tab before the value": (LINE + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", b""),
    "line ends before it": (b"\r\n\r\n" + LINE + b"\r\n", b""),
    "bytes beyond ASCII in a value": (LINE + b"X: \xe4\xff\r\n\r\n", b""),
    "an upgrade that is ignored": (LINE + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b""),
    "an upgrade with a body": (
        LINE + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab",
        b"ab",
    ),
    "an upgrade with chunks": (
        LINE + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"ab",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_requests(name: str) -> None:
    """In one piece, byte by byte, and with the next request behind."""
    request, body = GOOD[name]
    assert summary(parse(request)) == [(b"POST", b"/p", body)]
    assert summary(parse(*(request[n : n + 1] for n in range(len(request))))) == [(b"POST", b"/p", body)]
    after = b"GET /q HTTP/1.1\r\nHost: x\r\n\r\n"
    assert summary(parse(request + after)) == [(b"POST", b"/p", body), (b"GET", b"/q", b"")]


BAD = {
    "a blank before the colon": LINE + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a tab before the colon": LINE + b"Content-Length\t: 2\r\n\r\nab",
    "a NUL in a value": LINE + b"X: a\0b\r\n\r\n",
    "a NUL in a name": LINE + b"X\0: a\r\n\r\n",
    "a control character": LINE + b"X: a\x01b\r\n\r\n",
    "a name that is none": LINE + b"X(y): a\r\n\r\n",
    "no name": LINE + b": x\r\n\r\n",
    "no colon": LINE + b"foo\r\n\r\n",
    "lines without carriage returns": LINE.replace(b"\r", b"") + b"\n",
    "one line without": LINE + b"X: 1\nContent-Length: 2\r\n\r\nab",
    "a carriage return alone": LINE + b"X: 1\rContent-Length: 2\r\n\r\nab",
    "a folded line": LINE + b"X: a\r\n b\r\n\r\n",
    "a blank before the first header": b"POST /p HTTP/1.1\r\n Host: x\r\n\r\n",
    "both lengths": LINE + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, the other way round": LINE + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": LINE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nab",
    "one length twice": LINE + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    "a list of lengths": LINE + b"Content-Length: 2, 2\r\n\r\nab",
    "a length below 0": LINE + b"Content-Length: -2\r\n\r\nab",
    "a length with a sign": LINE + b"Content-Length: +2\r\n\r\nab",
    "a hexadecimal length": LINE + b"Content-Length: 0x2\r\n\r\nab",
    "a length with a fraction": LINE + b"Content-Length: 2.0\r\n\r\nab",
    "no length": LINE + b"Content-Length:\r\n\r\nab",
    "a length beyond all numbers": LINE + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "an unknown encoding": LINE + b"Transfer-Encoding: gzip\r\n\r\n",
    "two encodings": LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": LINE + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": LINE + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two lines": LINE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "something like chunked": LINE + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a vertical tab": LINE + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "identity": LINE + b"Transfer-Encoding: identity\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version in small letters": b"GET / http/1.1\r\nHost: x\r\n\r\n",
    "no such method": b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in the path": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab for a blank": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": LINE + b"Host: y\r\n\r\n",
    "TLS within TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a chunk below 0": CHUNKED + b"-1\r\n",
    "a chunk with a sign": CHUNKED + b"+1\r\na\r\n",
    "a chunk with a prefix": CHUNKED + b"0x1\r\na\r\n",
    "no chunk's size": CHUNKED + b"\r\n",
    "a chunk's size that is none": CHUNKED + b"x\r\n",
    "a chunk that is longer": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "a chunk with line feeds only": CHUNKED + b"1\na\n0\n\n",
    "a chunk's size beyond all numbers": CHUNKED + b"f" * 17 + b"\r\n",
    "a control character in an extension": CHUNKED + b"1;\x01\r\na\r\n0\r\n\r\n",
    "a length among the trailers": CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_request(name: str) -> None:
    """It ends in one Wrong, and no request of it is complete; nothing behind it is one."""
    for pieces in ([BAD[name]], [BAD[name][n : n + 1] for n in range(len(BAD[name]))]):
        found = summary(parse(*pieces, b"GET /q HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert [type(one) for one in found if one is not None] == [str], found


def test_connect_is_a_request_like_others() -> None:
    """It is for the server to refuse it; what follows is no tunnel."""
    connect = b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n"
    found = summary(parse(connect + b"\r\n" + connect + b"Content-Length: 2\r\n\r\nab" + LINE + b"\r\n"))
    assert found == [(b"CONNECT", b"x:1", b""), (b"CONNECT", b"x:1", b"ab"), (b"POST", b"/p", b"")]


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"", b"X"),
        (b"GET /", b"x"),
        (LINE + b"X: ", b"x"),
        (LINE, b"X: y\r\n"),
        (LINE + b"X", b"y"),
        (CHUNKED + b"5;", b"x"),
        (CHUNKED + b"0\r\nX: ", b"x"),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1000, 200_000])
def test_what_has_no_end_is_cut_off(beginning: bytes, piece: bytes, size: int) -> None:
    parser = RequestParser()
    parser.feed(beginning)
    for _ in range(3 * LARGEST_HEAD // size + 2):
        parser.feed(piece * (size // len(piece)))
    assert isinstance(parser.events[-1], Wrong)
    assert sum(isinstance(event, Head) for event in parser.events) <= 1


def test_a_head_that_is_too_long_is_none_even_if_it_comes_at_once() -> None:
    assert summary(parse(LINE + b"X: " + b"y" * (LARGEST_HEAD + 1) + b"\r\n\r\n")) != [(b"POST", b"/p", b"")]


def test_whether_a_head_has_begun() -> None:
    parser = RequestParser()
    steps = [
        (b"POST /p", True),
        (b" HTTP/1.1\r\nHost: x\r\n", True),
        (b"Content-Length: 1\r\n\r\n", False),
        (b"x", False),
    ]
    for piece, begun in steps:
        parser.feed(piece)
        assert parser.begun is begun


_TOKENS = st.sampled_from(
    [LINE, CHUNKED, b"\r\n", b"\n", b"\r", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
     b"5\r\nhello\r\n", b"0\r\n\r\n", b"Upgrade: x\r\nConnection: upgrade\r\n", b"GET / HTTP/1.1\r\n",
     b"Host: x\r\n", b"\0", b" ", b":", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"hello",
     b"CONNECT x:1 HTTP/1.1\r\n", b"ffffffffffffffff\r\n"]
)  # fmt: skip


@given(st.lists(_TOKENS | st.binary(max_size=30), max_size=30), st.data())
def test_whatever_comes_in_whatever_pieces(tokens: list[bytes], data: st.DataObject) -> None:
    """No exception, the order of events holds, and pieces make no difference."""
    everything = b"".join(tokens)
    whole = parse(everything)
    summary(whole)
    inside = False
    for event in whole:
        assert isinstance(event, Wrong) or isinstance(event, Head) is not inside
        inside = not isinstance(event, End | Wrong)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(everything)), max_size=5)))
    pieces = [everything[a:b] for a, b in zip([0, *cuts], [*cuts, len(everything)], strict=True)]
    if len(everything) < LARGEST_HEAD:
        assert [str(one) for one in summary(parse(*pieces))] == [str(one) for one in summary(whole)]


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    summary(parse(data))
    summary(parse(CHUNKED + data))


# gzip


def unfold(*pieces: bytes) -> bytes:
    unfolding = Unfolding()
    unfolded = b"".join(one for piece in pieces for one in unfolding.unfold(piece))
    unfolding.finish()
    return unfolded


@given(st.binary(max_size=3000), st.integers(0, 400), st.lists(st.integers(0, 5000), max_size=4))
def test_gzip(data: bytes, zeros: int, cuts: list[int]) -> None:
    data += bytes(zeros * 1000)
    packed = gzip.compress(data)
    cuts = sorted(min(cut, len(packed)) for cut in cuts)
    assert unfold(*(packed[a:b] for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True))) == data
    assert unfold_at_once(packed, len(data) + 1) == data


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"x" * 1000)[:-1],
        gzip.compress(b"x" * 1000)[:-9],
        gzip.compress(b"x" * 1000)[:12],
        gzip.compress(b"a") + gzip.compress(b"b"),
        gzip.compress(b"a") + b"\0",
        gzip.compress(b"a")[:-8] + bytes(8),
        zlib.compress(b"a"),
        b"no gzip at all",
    ],
    ids=["a byte is missing", "the checksum is missing", "most is missing", "a second member", "a byte behind it",
         "another checksum", "zlib", "plain"],
)  # fmt: skip
def test_gzip_that_is_not_whole_or_has_more_behind_it(packed: bytes) -> None:
    with pytest.raises(BrokenGzip):
        unfold(packed)
    with pytest.raises(BrokenGzip):
        unfold(*(packed[n : n + 1] for n in range(len(packed))))
    assert unfold_at_once(packed, 10_000) is None
