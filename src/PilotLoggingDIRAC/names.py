# SPDX-License-Identifier: GPL-3.0-only
"""Names that come from outside: which are accepted as a stamp, a VO, a session."""

from __future__ import annotations

import re
from typing import Any

from .errors import Rejected

# DIRAC's FileCacheLoggingPlugin accepts exactly these two forms.
_STAMP = re.compile(r"[0-9a-z]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# DIRAC 9.1's TornadoPilotLoggingHandler, with the underscore that some VOs of EGI have, and bounded.
_VO = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_SESSION = re.compile(r"[0-9A-Za-z._:-]{1,64}")


def _quote(value: Any) -> str:
    """A hostile name in an error message: escaped, and never longer than a line."""
    shown = ascii(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def check_stamp(value: Any) -> str:
    """A pilot's stamp: 32 characters 0-9a-z, or a lower-case UUID.

    Raises:
        Rejected: It has another form.
    """
    if isinstance(value, str) and _STAMP.fullmatch(value):
        return value
    raise Rejected(
        f"Pilot UUID is invalid: {_quote(value)} is neither 32 characters of 0-9 and a-z nor a lower-case UUID."
    )


def is_stamp(value: str) -> bool:
    """Whether it has the form of a pilot's stamp."""
    return _STAMP.fullmatch(value) is not None


def is_vo_name(value: Any) -> bool:
    """Whether it has the form of a VO's name; it says nothing of whether there is such a VO."""
    return isinstance(value, str) and _VO.fullmatch(value) is not None


def check_vo(value: Any) -> str:
    """A VO's name.

    Raises:
        Rejected: It cannot be one.
    """
    if is_vo_name(value):
        return str(value)
    raise Rejected(f"VO name is invalid: {_quote(value)} is not a name made of letters, digits, '-', '_' and '.'.")


def check_session(value: Any) -> str:
    """The name of a sender's own numbering.

    Raises:
        Rejected: It is not 1 to 64 characters of 0-9, A-Z, a-z and ``._:-``.
    """
    if isinstance(value, str) and _SESSION.fullmatch(value):
        return value
    raise Rejected(f"session is invalid: {_quote(value)} is not 1 to 64 characters of 0-9, A-Z, a-z and . _ : -")
