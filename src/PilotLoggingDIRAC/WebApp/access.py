# SPDX-License-Identifier: GPL-3.0-only
"""Who somebody in front of the portal is, and in which of their groups they may read a VO's logs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.ConfigurationSystem.Client.PathFinder import getServiceSection
from DIRAC.Core.DISET.AuthManager import AuthManager

from ..dirac_bridge import cs
from ..dirac_bridge.callers import caller_of
from ..dirac_bridge.components import SERVICE
from ..errors import ConfigurationError

_READS = "listLogs"
"""Whoever may not call this method of the collector sees nothing of the page."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of somebody.

    Attributes:
        vo: Its VO; empty if it has none.
        opens: The portal lets it open the page.
        reads: The collector lets it read the logs that are wanted.
    """

    name: str
    vo: str
    opens: bool
    reads: bool

    @property
    def shows(self) -> bool:
        """Whether the page would show what is wanted."""
        return self.opens and self.reads


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody in front of the portal.

    Attributes:
        dn: What their certificate says; empty without one.
        name: In the Registry; empty if nobody there has that DN.
        groups: All of theirs, the default one first.
    """

    dn: str
    name: str
    groups: Sequence[Group]

    def group(self, name: str) -> Group | None:
        """Their group of that name."""
        return next((group for group in self.groups if group.name == name), None)

    def best(self) -> Group | None:
        """The group to show what is wanted in: the default one, or the first one that may."""
        return next((group for group in self.groups if group.shows), None)


def reader(credentials: Mapping[str, Any], wanted: Collection[str], opens: Callable[[str, str], bool]) -> Reader:
    """Look somebody up in the Registry.

    Args:
        credentials: What the portal knows of the peer: a DN, or the name of somebody who came with a token.
        wanted: The VOs whose logs are wanted, of which one will do; none for those of the group's own.
        opens: Whether the portal lets a DN in a group open the page.
    """
    dn = credentials.get("DN") or ""
    named = Registry.getUsernameForDN(dn) if dn else None
    name = named["Value"] if named and named["OK"] else ""
    if not dn and credentials.get("username") != "anonymous":
        name = credentials.get("username") or ""
    if not name:
        return Reader(dn, "", ())
    found = Registry.getGroupsForUser(name)
    names = sorted(found["Value"]) if found["OK"] else []
    default = Registry.findDefaultGroupForUser(name)
    if default["OK"]:
        names.sort(key=lambda group: group != default["Value"])
    return Reader(dn, name, tuple(_group(group, name, dn, wanted, opens) for group in names))


def meant_by(part: str) -> set[str]:
    """The VOs that the list's filter means, which takes a part of a name in any case; if there is none, that name."""
    known = cs.registered_vos()
    return {part} if part in known else {vo for vo in known if part.casefold() in vo.casefold()} or {part}


def _group(group: str, user: str, dn: str, wanted: Collection[str], opens: Callable[[str, str], bool]) -> Group:
    caller = caller_of({"username": user, "group": group})
    try:
        reads = caller.reads_any_vo(cs.collector_settings().read_any_vo)
    except ConfigurationError:
        reads = False  # the collector does not start with such a configuration, and says why
    reads = reads or (bool(caller.vo) and (not wanted or caller.vo in wanted))
    return Group(group, caller.vo or "", opens(dn, group), reads and _may_ask(dn, group))


def _may_ask(dn: str, group: str) -> bool:
    if not dn:
        return True  # with a token; the collector has the last word anyhow
    manager = AuthManager(f"{getServiceSection(SERVICE)}/Authorization")
    return bool(manager.authQuery(_READS, {"DN": dn, "group": group}, ["authenticated"]))
