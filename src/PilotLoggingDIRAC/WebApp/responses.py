# SPDX-License-Identifier: GPL-3.0-only
"""What goes to the browser: JSON of our own making, and every failure as one sentence with its HTTP status.

DIRAC's own results never go there: an S_ERROR carries the call (``rpcStub``), and with it the user's delegated DN.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from ..errors import NOT_ALLOWED, NotFound, PilotLoggingError, Rejected

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The portal does not understand this request.",
    HTTPStatus.UNAUTHORIZED: "The portal does not know you in this group: is your certificate in the browser, "
    "and are you a member of the group that the address names?",
    HTTPStatus.FORBIDDEN: "Your group may not do this.",
    HTTPStatus.NOT_FOUND: "There is no such page.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Logs are only read here.",
}
_OTHERWISE = "Something went wrong in the portal; its log says what."


def as_json(value: Any) -> bytes:
    """A JSON document. Characters that no text may hold (lone surrogates) stay escaped, and so no encoder fails."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def status_of(error: PilotLoggingError) -> HTTPStatus:
    """The HTTP status that fits one of our exceptions."""
    if isinstance(error, Rejected):
        return HTTPStatus.FORBIDDEN if error.reason == NOT_ALLOWED else HTTPStatus.BAD_REQUEST
    return HTTPStatus.NOT_FOUND if isinstance(error, NotFound) else HTTPStatus.SERVICE_UNAVAILABLE


def sentence_of(status: int) -> str:
    """What a person is told when the portal itself refuses or fails."""
    return _SENTENCES.get(HTTPStatus(status), _OTHERWISE)
