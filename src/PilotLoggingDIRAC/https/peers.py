# SPDX-License-Identifier: GPL-3.0-only
"""What is known of a peer from its credentials, and what has been decided about it."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from cachetools import LRUCache

from ..dirac_bridge import cs
from ..dirac_bridge.callers import Caller, is_registered, vo_of
from ..dirac_bridge.verified_chain import VerifiedChain
from .shares import NOBODY, Owner

_KNOWN_DECISIONS = 100
"""Decisions that are remembered for one peer: a portal asks for many users."""
_DECISION_SECONDS = 10.0
"""How long AuthManager is not asked again, unless the CS has changed; it trusts its own caches for a minute."""
_REGISTRY_SECONDS = 1.0
"""How long a look at the Registry's version holds: a look costs as much as parsing a request."""


class Call(NamedTuple):
    """What AuthManager is asked about."""

    component: str
    method: str
    extra_credentials: str


class Accepted(NamedTuple):
    """AuthManager's decision that a peer may call a method, and whom it took it for."""

    credentials: dict[str, Any]
    caller: Caller
    cs_version: str
    until: float


class Peer:
    """Somebody who has shown a certificate chain or a token.

    Args:
        credentials: As DIRAC reads them, with ``secondsLeft``.
        chain: Of the certificate; None for a token. Only certificates may come with ``extraCredentials``.
    """

    __slots__ = ("_accepted", "_credentials", "_looked", "_owner", "_registered", "_version", "chain", "expires")

    def __init__(self, credentials: dict[str, Any], chain: VerifiedChain | None = None) -> None:
        self._credentials = credentials
        self._accepted: LRUCache[Call, Accepted] = LRUCache(_KNOWN_DECISIONS)
        self._looked = float("-inf")
        self._registered = False
        self._version = ""
        self._owner = NOBODY
        self.chain = chain
        self.expires = time.time() + credentials["secondsLeft"]
        if chain is not None:
            self.expires = min(self.expires, chain.expires)

    def is_registered(self) -> bool:
        """Whether this user or host is in the Registry, as of the last second."""
        self._look()
        return self._registered

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked > _REGISTRY_SECONDS:
            self._looked = now
            self._version = cs.version()
            dn = self._credentials["DN"]
            self._registered = is_registered(dn)
            self._owner = Owner(vo_of(dn, self._credentials.get("group")), dn) if self._registered else NOBODY

    @property
    def owner(self) -> Owner:
        """Whose connections this peer's are, as of the last look at the Registry."""
        return self._owner

    def accepted(self, call: Call) -> Accepted | None:
        """The decision on an earlier request, while it may be trusted."""
        self._look()
        accepted = self._accepted.get(call)
        if accepted and accepted.until > time.monotonic() and accepted.cs_version == self._version:
            return accepted
        return None

    def note_accepted(self, call: Call, credentials: dict[str, Any], caller: Caller) -> None:
        """Remember a decision for some seconds."""
        until = time.monotonic() + _DECISION_SECONDS
        self._accepted[call] = Accepted(credentials, caller, cs.version(), until)

    @property
    def credentials(self) -> dict[str, Any]:
        """A copy: AuthManager writes into what it is given."""
        return {**self._credentials, "secondsLeft": int(self.expires - time.time())}
