# SPDX-License-Identifier: GPL-3.0-only
"""What a request asks for: the few fields of a form, each decoded when it is needed and no sooner.

Guarantees: what a body costs before its caller is authorised grows with its length only, and slowly; arguments are
JSON of bounded structure, and small but for the methods that take text.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .. import bounded_json
from ..errors import Rejected
from ..text import one_line
from .urlencoded import unquote, unquote_in_pieces

FORM = "application/x-www-form-urlencoded"
LARGEST_ON_LOOP = 2**17
"""Bytes of a body that the event loop reads by itself, in some milliseconds at most."""
LARGEST_ARGUMENTS = 2 * 2**20
"""Bytes of arguments, but for methods that take text."""
LARGEST_FORM = 3 * LARGEST_ARGUMENTS
"""Bytes of the same as they are sent: three make one, at most."""
_MOST_FIELDS = 16
_LONGEST_NAME = 64
"""Bytes of a field's name as it is sent; longer ones are none of ours."""
_LONGEST_METHOD = 2**10
_LARGEST_CREDENTIALS = 2**14
_SHOWN_CHARACTERS = 200


class CallForm:
    """The fields of a body. Repeated ones count once, the last; names that are not known are passed over.

    Args:
        body: As it was sent, unfolded.

    Raises:
        Rejected: It has more fields than any call.
    """

    def __init__(self, body: bytes) -> None:
        if body.count(b"&") >= _MOST_FIELDS:
            raise Rejected(f"The request has more than {_MOST_FIELDS} fields: a call has method and args.")
        self._raw: dict[bytes, bytes] = {}
        for field in body.split(b"&"):
            end = field.find(b"=", 0, _LONGEST_NAME + 1)
            if end >= 0:
                self._raw[unquote(field[:end])] = field[end + 1 :]

    @property
    def method(self) -> str:
        """The method's name, or what stands in its place.

        Raises:
            Rejected: It is no text.
        """
        return _text(unquote(self._raw.get(b"method", b"")[:_LONGEST_METHOD]))

    @property
    def extra_credentials(self) -> str:
        """For whom a host asks, in JSON; empty if for itself.

        Raises:
            Rejected: They are too large, or no text.
        """
        raw = self._raw.get(b"extraCredentials", b"")
        if len(raw) > _LARGEST_CREDENTIALS:
            raise Rejected(f"The extraCredentials have more than {_LARGEST_CREDENTIALS} bytes.", reason="too large")
        return _text(unquote(raw))

    def arguments(self, method: str, text_methods: Collection[str]) -> list[Any]:
        """The arguments.

        Args:
            method: Of the service.
            text_methods: Those whose arguments may be as large as a body.

        Raises:
            Rejected: They are too large or too many, or no list.
        """
        raw = self._raw.get(b"args", b"[]")
        if method not in text_methods and len(raw) > LARGEST_FORM:
            raise _too_large(method)
        try:
            encoded = unquote_in_pieces(raw)
        except ValueError as error:
            raise Rejected(f"The arguments are not encoded as those of a form: {error}.") from error
        if method not in text_methods and len(encoded) > LARGEST_ARGUMENTS:
            raise _too_large(method)
        arguments = decoded(_text(encoded), "arguments")
        if not isinstance(arguments, list):
            raise Rejected("The arguments are not a JSON list.")
        return arguments


def check_beginning(beginning: bytes, text_methods: Collection[str]) -> None:
    """Whether a body may become larger than the arguments of most methods, as far as its first field tells.

    Raises:
        Rejected: It is for a method that takes nothing so large.
    """
    name, _, rest = beginning.partition(b"=")
    method, separator, _ = rest.partition(b"&")
    if name == b"method" and separator and unquote(method).decode("latin1") not in text_methods:
        raise _too_large(one_line(unquote(method).decode("latin1"), _LONGEST_NAME))


def decoded(encoded: str, what: str) -> Any:
    """Plain JSON of bounded structure: DIRAC's decoder imports whatever module the peer names in it.

    Raises:
        Rejected: It is none.
    """
    try:
        return bounded_json.loads(encoded)
    except ValueError as error:
        raise Rejected(one_line(f"The {what} are not JSON that is taken: {error}.", _SHOWN_CHARACTERS)) from error


def is_form(content_type: str) -> bool:
    """Whether a Content-Type is the one of calls, with whatever parameters."""
    return content_type.partition(";")[0].strip().lower() == FORM


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Rejected("The request is not text in UTF-8.") from error


def _too_large(method: str) -> Rejected:
    return Rejected(f"{method} takes arguments of at most {LARGEST_ARGUMENTS} bytes.", reason="too large")
