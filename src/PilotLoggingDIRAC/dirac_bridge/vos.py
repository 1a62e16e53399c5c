# SPDX-License-Identifier: GPL-3.0-only
"""What the CS says of the text of each VO, remembered until the CS changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from ..errors import ConfigurationError
from ..ingest.service import VOPolicy
from ..redaction import Redactor
from ..settings import VOSettings
from ..store.quiet import Quietness
from . import cs

_LOOK_SECONDS = 1.0
"""After so long a change of the CS holds, once this process has heard of it."""

T = TypeVar("T")


class VOPolicies:
    """The VOs by name. A mistake in a VO's section is told, and costs the VO no text: until it is mended, what was read
    before holds, or the defaults do."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Nothing is read yet.

        Args:
            tell: Takes a sentence for the operator.
        """
        self._tell = tell
        self._known: dict[str, VOPolicy] = {}
        self._version = ""
        self._next_look = 0.0
        self._fresh: set[str] = set()
        self._quiet_after: Mapping[str, float] | None = None

    def __getitem__(self, vo: str) -> VOPolicy:
        self._forget_if_changed()
        if vo not in self._fresh:
            self._known[vo] = self._read(vo)
            self._fresh.add(vo)
        return self._known[vo]

    def quiet_after(self) -> Mapping[str, float]:
        """``QuietAfter`` of each VO in the Registry, in seconds."""
        self._forget_if_changed()
        known = self._quiet_after
        if known is None:
            known = {vo: self[vo].settings.quiet_after for vo in sorted(cs.registered_vos())}
            self._quiet_after = known
        return known

    def quietness_at(self, now: datetime) -> Quietness:
        """What counts as quiet at a time of the database's clock."""
        return Quietness(now, VOSettings().quiet_after, self.quiet_after())

    def _forget_if_changed(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        if self._version != cs.version():
            self._version = cs.version()
            self._fresh.clear()
            self._quiet_after = None

    def _read(self, vo: str) -> VOPolicy:
        before = self._known.get(vo, VOPolicy(VOSettings(), Redactor()))
        settings = self._or_before(vo, before.settings, cs.vo_settings)
        if not settings.redact:
            return VOPolicy(settings, None)
        return VOPolicy(settings, self._or_before(vo, before.redactor or Redactor(), cs.redactor))

    def _or_before(self, vo: str, before: T, read: Callable[[str], T]) -> T:
        try:
            return read(vo)
        except ConfigurationError as error:
            self._tell(f"Until it is mended, VO {vo} goes on as before: {error}")
            return before
