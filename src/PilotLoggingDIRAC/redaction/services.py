# SPDX-License-Identifier: GPL-3.0-only
"""Tokens that begin with the name of the service that gave them, and tokens in the place of a URL's user."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .spans import Span, Text, beginning_at

# Each prefix with the least length behind it. A short one needs a border in front of it and a run of letters and digits
# behind it, for npm_config_cache and task-0123 are none; of a cut one, up to six characters stay.
_NEEDLES = (
    b"gh", b"gl", b"xox", b"xapp-", b"hv", b"ya29.", b"dckr_", b"GOCSPX-", b"pypi-", b"hf_", b"npm_", b"AIza", b"sk-",
)  # fmt: skip
_PREFIXED = re.compile(
    rb"(?:gh[opusr]_|github_pat_|gl(?:pa|d|r|cb|pt|f|im|agen|w|soa|ffc)t-|glrtr-|gloas-|dckr_[po]at_|GOCSPX-)"
    rb"(?=[A-Za-z0-9._~+/=%\-]{16}|[A-Za-z0-9._~+/=%\-]{1,15}\Z)"
    rb"|(?:xox[abeprs]-|xapp-)(?=[A-Za-z0-9._~+/=%\-]{8}|[A-Za-z0-9._~+/=%\-]{1,7}\Z)"
    rb"|(?:hv[bsr]\.|ya29\.)(?=[A-Za-z0-9._~+/=%\-]{20}|[A-Za-z0-9._~+/=%\-]{1,19}\Z)"
    rb"|pypi-(?=AgE[A-Za-z0-9_\-]{13}|AgE[A-Za-z0-9_\-]{0,12}\Z)"
    rb"|(?<![A-Za-z0-9_\-])(?:(?:hf_|npm_)(?=[A-Za-z0-9]{20}|[A-Za-z0-9]{7,19}\Z)"
    rb"|AIza(?=[A-Za-z0-9_\-]{30}|[A-Za-z0-9_\-]{7,29}\Z)"
    rb"|sk-(?=(?:[a-z0-9]{1,8}-){0,3}[A-Za-z0-9_]{16}|[A-Za-z0-9_\-]{7,40}\Z)(?=[a-z_\-]{0,40}[A-Z0-9]))"
)
_TOKEN_AS_USER = re.compile(
    rb"://(?!A[KS]IA)(?=[A-Za-z_\-]{0,511}[0-9])(?=[0-9_\-]{0,511}[A-Za-z])([A-Za-z0-9_\-]{20,512})"
    rb"(?=(?::(?:x-oauth-basic)?)?@|:x(?:-[a-z\-]{0,12})?\Z)"
)
_CUT_TOKEN_AS_USER = re.compile(
    rb"://(?!A[KS]IA)(?=[A-Za-z_]{0,6}[0-9])(?=[0-9_]{0,6}[A-Za-z])([A-Za-z0-9_]{7}[A-Za-z0-9_\-]{0,505}:?)\Z"
)


def find(text: Text) -> Iterator[Span]:
    """Tokens behind their prefix, and ``https://TOKEN@host``. Not in order; some may overlap."""
    if any(needle in text.raw for needle in _NEEDLES):
        yield from beginning_at(text, (found.end() for found in _PREFIXED.finditer(text.raw)), "token")
    for found in _TOKEN_AS_USER.finditer(text.raw):
        yield Span(*found.span(1))
    at = text.raw.rfind(b"://") if text.unfinished else -1
    if at >= 0 and (cut := _CUT_TOKEN_AS_USER.match(text.raw, at)):
        yield Span(*cut.span(1), "userinfo")
