# SPDX-License-Identifier: GPL-3.0-only
"""Bytes of a log as the portal's page shows them: what somebody sees there is what they look for.

The same is done in the browser (``escape-controls.js``, ``last-state.js``); tests compare the two.
"""

from __future__ import annotations

import re

from ..lines.header import HEADER
from ..lines.last_state import TERMINAL, last_state
from ..text import decode

_HEADER = re.compile(HEADER)
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MAY_ACT = re.compile(
    rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xd8\x9c|\xe1\xa0\x8e|\xe2(?:\x80[\x8b-\x8f\xa8-\xae]|\x81[\xa0-\xaf])"
    rb"|\xef(?:\xbb\xbf|\xbf[\xb9-\xbb])|\xed[\xa0-\xbf]"
)
_PLAIN = bytes((0x09, 0x0A, *range(0x20, 0x7F)))
_PICTURES = 0x2400
_SPACE, _DELETE = 0x20, 0x7F


def is_shown_otherwise(data: bytes) -> bool:
    """Whether something in a text is not shown as it stands there."""
    # Nearly all bytes are plain: those are left out first, which is quick.
    return _MAY_ACT.search(_with_plain_ends(data).translate(None, _PLAIN)) is not None


def leaves_out(data: bytes) -> bool:
    """Whether something in a text may be left out when it is shown, so that what was apart is side by side."""
    return b"\x1b" in data or b"\r" in data


def as_shown(data: bytes) -> bytes:
    """A text of one or more lines as the page shows it: of a line that was written over its last state, without the
    sequences of terminals; other characters that would act, or hide, have pictures. The ends of lines stay."""
    plain = TERMINAL.sub(b"", _in_last_states(_with_plain_ends(data)))
    if not is_shown_otherwise(plain):
        return plain
    return _ACTING.sub(_picture, decode(plain)).encode("utf-8", "surrogatepass")


def _with_plain_ends(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def _in_last_states(data: bytes) -> bytes:
    if b"\r" not in data:
        return data
    return b"\n".join(_in_last_state(line) if b"\r" in line else line for line in data.split(b"\n"))


def _in_last_state(line: bytes) -> bytes:
    header = _HEADER.match(line)
    return last_state(line, header.end() if header else 0)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < _SPACE:
        return chr(_PICTURES + code)
    return "\u2421" if code == _DELETE else f"\u27e8{code:04X}\u27e9"
