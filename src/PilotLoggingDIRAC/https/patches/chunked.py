# SPDX-License-Identifier: GPL-3.0-only
"""Reading bodies in chunked transfer encoding.

Tornado 5.1 takes any number for the size of a chunk. One below zero makes it run in a circle for ever: a single request
of sixty bytes, from anybody, and the collector serves nobody any more.

Seen with tornado 5.1.1; from 6.0 on Tornado refuses such a size itself.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from tornado.httputil import HTTPInputError

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?\r\n")
_LONGEST_SIZE = 64
"""Bytes of the line with the size, with its extensions. The same as Tornado's."""
_LINE_END = b"\r\n"


def read_chunks_strictly(connection: Any) -> None:
    """Let a Tornado ``HTTP1Connection`` read chunked bodies as RFC 9112 has them, and answer 400 to all others."""
    connection._read_chunked_body = partial(_read_chunked_body, connection)


async def _read_chunked_body(connection: Any, delegate: Any) -> None:
    stream = connection.stream
    total = 0
    while True:
        size = _SIZE.fullmatch(await stream.read_until(_LINE_END, max_bytes=_LONGEST_SIZE))
        if size is None:
            raise HTTPInputError("a chunk's size is not a hexadecimal number")
        left = int(size[1], 16)
        total += left
        if total > connection._max_body_size:
            raise HTTPInputError("chunked body too large")
        last = left == 0
        while left:
            piece = await stream.read_bytes(min(left, connection.params.chunk_size), partial=True)
            left -= len(piece)
            # Once the answer is finished, the rest of a body is nobody's.
            if not connection._write_finished:
                waiting = delegate.data_received(piece)
                if waiting is not None:
                    await waiting
        if await stream.read_bytes(len(_LINE_END)) != _LINE_END:
            raise HTTPInputError("a chunk does not end where it should")
        if last:
            return
