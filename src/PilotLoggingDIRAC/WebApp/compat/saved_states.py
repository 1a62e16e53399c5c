# SPDX-License-Identifier: GPL-3.0-only
"""Saved desktops and applications of the portal can be opened again.

WebAppDIRAC's JavaScript sends a state as a JSON document, which ``UPHandler`` stores as a string within JSON. Up to
6.0.0 it unpacked both when the states were listed; since then it unpacks the outer one only, and the JavaScript fails
at the first state of anybody's: "Cannot use 'in' operator to search for 'version' in {...". *My Desktops* and
*Shared* are then missing from the menu, with every application. A state that is read alone comes as text/html, too,
whatever its author wrote there.

Seen with WebAppDIRAC 6.0.7 and 6.0.8. A version whose ``_safeDecode`` gives objects, or that has no such function, is
left alone.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from WebAppDIRAC.WebApp.handler import UPHandler as states


def mend() -> None:
    """Let the portal of this process give objects where objects were saved."""
    decode = getattr(states, "_safeDecode", None)
    if decode is None or hasattr(decode, "__wrapped__"):
        return

    @functools.wraps(decode)
    def decode_whole(data: Any) -> Any:
        return unpacked(decode(data))

    states._safeDecode = decode_whole


def unpacked(state: Any) -> Any:
    """The object that a string holds as JSON; anything else as it is."""
    if not isinstance(state, str):
        return state
    try:
        found = json.loads(state)
    except ValueError:
        return state
    return found if isinstance(found, dict) else state
