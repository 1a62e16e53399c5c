# SPDX-License-Identifier: GPL-3.0-only
"""Who is calling, whose logs they write, and whose they may read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.Core.DISET.AuthManager import AuthManager

from ..errors import NOT_ALLOWED, Rejected
from ..names import check_vo
from ..text import one_line
from . import cs


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whom DIRAC has authorised for the method.

    Attributes:
        name: User or host, for the log.
        vo: The VO of the caller's group; empty for hosts and for groups without one.
        properties: What the Registry says that the caller may.
    """

    name: str
    vo: str
    properties: frozenset[str]

    def writes_for(self, named_vo: Any) -> str:
        """The VO whose log the caller writes: its own; the one that it names counts only where it has none.

        Raises:
            Rejected: There is no such VO.
        """
        if self.vo:
            return check_vo(self.vo)
        if not self.properties:
            # Only where an operator has opened the method to everybody.
            raise Rejected("Your credentials are in no group: you cannot write.", reason=NOT_ALLOWED)
        vo = check_vo(named_vo)
        if vo not in cs.registered_vos():
            raise Rejected(f"VO name is invalid: there is no VO {vo} in the Registry.", reason=NOT_ALLOWED)
        return vo

    def writes_only_for(self, named_vo: Any) -> str:
        """As :meth:`writes_for`, but a caller that names a VO that is not its own is refused.

        Raises:
            Rejected: It does, or there is no such VO.
        """
        vo = self.writes_for(named_vo)
        if named_vo not in (None, "", vo):
            raise Rejected(f"Your credentials are of VO {vo}: you cannot write for another one.", reason=NOT_ALLOWED)
        return vo

    def reads_any_vo(self, privileged: Collection[str]) -> bool:
        """Whether the caller may read the logs of every VO."""
        return not self.properties.isdisjoint(privileged)

    def reads_of(self, named_vo: Any, privileged: Collection[str]) -> str:
        """The VO whose logs the caller reads: the one that it names, or its own.

        Raises:
            Rejected: It may not, or names none and has none.
        """
        vo = check_vo(named_vo or self.vo)
        if vo != self.vo and not self.reads_any_vo(privileged):
            raise Rejected(f"You may not read the logs of VO {vo}.", reason=NOT_ALLOWED)
        return vo

    def reads_only_own(self, named_vos: Any) -> str:
        """The caller's own VO, if a selection names no other one.

        Args:
            named_vos: A name or a list of names; nothing for its own.

        Raises:
            Rejected: It does, or the caller has none.
        """
        for named in named_vos if isinstance(named_vos, list) else [named_vos]:
            self.reads_of(named, ())
        return self.reads_of(None, ())

    @staticmethod
    def keeps_to(vo: str, parts: Any) -> str:
        """The VO, if parts of names that the caller looks for (``Contains``) name no other one only.

        Raises:
            Rejected: They do.
        """
        wanted = parts.get("VO") if isinstance(parts, dict) else None
        names = [wanted] if isinstance(wanted, str) else wanted
        if not names or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return vo  # nothing of that kind; whether it is well-formed is said elsewhere
        if not any(name.lower() in vo.lower() for name in names):
            raise Rejected(f"You may not read the logs of VO {one_line(names[0], 64)}.", reason=NOT_ALLOWED)
        return vo


NO_GROUP = "visitor"
"""DIRAC's name for the group of those who are in none: only what is open to all is open to it."""


def only_own_group(credentials: dict[str, Any]) -> None:
    """Let credentials, as they go to AuthManager, name no group that their user is not in.

    AuthManager remembers for a minute that it has found a DN in a group, and takes it for a member of every other group
    as well: with a proxy that names any group at all, anybody would be in it.

    Raises:
        Rejected: The extra credentials are neither a group nor a DN with its group.
    """
    extra = credentials.get(AuthManager.KW_EXTRA_CREDENTIALS)
    if extra is None:
        claimed, group = credentials[AuthManager.KW_DN], credentials.get(AuthManager.KW_GROUP)
    elif isinstance(extra, str):
        claimed, group = credentials[AuthManager.KW_DN], credentials.get(AuthManager.KW_GROUP, extra)
    elif isinstance(extra, list) and len(extra) == 2 and all(isinstance(word, str) for word in extra):
        claimed, group = extra
    else:
        raise Rejected("The extraCredentials are neither a group nor a DN and its group.")
    if group in (None, AuthManager.KW_HOSTS_GROUP) or _is_member(claimed, group):
        return
    if isinstance(extra, list):
        extra[1] = NO_GROUP
    else:
        credentials[AuthManager.KW_GROUP] = NO_GROUP


def _is_member(dn: str, group: str) -> bool:
    members = Registry.getUsersInGroup(group, [])
    return bool(members) and bool(Registry.getUsernameForDN(dn, members)["OK"])


_registered: LRUCache[tuple[str, str], bool] = LRUCache(10_000)
"""By the CS's version and a DN."""


def is_registered(dn: str) -> bool:
    """Whether a DN is that of a user or host in the Registry."""
    key = (cs.version(), dn)
    known = _registered.get(key)
    if known is None:
        known = Registry.getUsernameForDN(dn)["OK"] or Registry.getHostnameForDN(dn)["OK"]
        _registered[key] = known
    return known


_vos: LRUCache[tuple[str, str, str], str] = LRUCache(10_000)
"""By the CS's version, a DN and a group."""


def vo_of(dn: str, group: str | None) -> str:
    """The VO of somebody in a group, or in the default one; empty if that has none."""
    key = (cs.version(), dn, group or "")
    known = _vos.get(key)
    if known is None:
        found = Registry.findDefaultGroupForDN(dn) if not group else None
        own = found["Value"] if found and found["OK"] else group
        known = (Registry.getVOForGroup(own) if own else "") or ""
        _vos[key] = known
    return known


def caller_of(credentials: Mapping[str, Any]) -> Caller:
    """The caller behind credentials that DIRAC's AuthManager has accepted; a portal's forwarded user is the user."""
    group = credentials.get("group") or ""
    name = credentials.get("username") or "anonymous"
    # AuthManager leaves only those properties that the method asked for: the Registry has them all.
    if group == AuthManager.KW_HOSTS_GROUP:
        return Caller(name, "", frozenset(Registry.getPropertiesForHost(name, [])))
    if not group or group == "visitor":
        return Caller(name, "", frozenset())
    return Caller(name, Registry.getVOForGroup(group), frozenset(Registry.getPropertiesForGroup(group, [])))
