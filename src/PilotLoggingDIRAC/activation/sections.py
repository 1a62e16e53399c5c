# SPDX-License-Identifier: GPL-3.0-only
"""Which section of ``/Operations`` decides an option: one order for the pilot, another one for DIRAC's components.

The pilot gets all of ``/Operations`` in ``pilot.json`` and looks for itself; collector, agent, portal and SiteDirector
ask DIRAC's ``Operations``, which knows of no setups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tree = Mapping[str, Any]
"""A part of the CS: sections are mappings, options are strings."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An option, and where it stands.

    Attributes:
        value: Its text; a mapping where there is a section of that name.
        path: Its full path in the CS.
        overridden: Full paths of the same option in sections that count less.
    """

    value: Any
    path: str
    overridden: tuple[str, ...] = ()


Options = Mapping[str, Chosen]


def pilot_sections(vo: str, setup: str) -> list[str]:
    """Paths of the sections that a pilot of a VO reads; a later one counts more.

    Without a setup, as in DIRAC 9, the second is ``/Operations/Pilot``, and the fourth leads nowhere.
    """
    names = ["Defaults/Pilot", f"{setup}/Pilot".lstrip("/"), f"{vo}/Defaults/Pilot"]
    return [f"/Operations/{name}" for name in [*names, *([f"{vo}/{setup}/Pilot"] if setup else []), f"{vo}/Pilot"]]


def component_sections(vo: str) -> list[str]:
    """Paths of the sections that DIRAC's components read for a VO; a later one counts more."""
    return ["/Operations/Defaults/Pilot", f"/Operations/{vo}/Pilot"]


def own_section(vo: str) -> str:
    """The section that counts most, for pilots and components alike: what is written there holds."""
    return f"/Operations/{vo}/Pilot"


def is_own(path: str, vo: str) -> bool:
    """Whether a path is in a section that no other VO reads."""
    return path.startswith(f"/Operations/{vo}/")


def as_pilot_reads(operations: Tree, vo: str, setup: str = "") -> Options:
    """The pilot's options for a VO. A section below, such as ``Commands``, is taken whole from where it counts most."""
    return _chosen(operations, pilot_sections(vo, setup))


def as_components_read(operations: Tree, vo: str, section: str = "Pilot") -> Options:
    """The options of a section as DIRAC's components have them for a VO."""
    chosen = _chosen(operations, [f"/Operations/Defaults/{section}", f"/Operations/{vo}/{section}"])
    return {name: option for name, option in chosen.items() if not isinstance(option.value, Mapping)}


def found(tree: Tree, path: str) -> Tree:
    """The section at a path below ``/Operations``; empty where there is none."""
    section: Any = tree
    for name in path.removeprefix("/Operations").strip("/").split("/"):
        section = section.get(name, {}) if isinstance(section, Mapping) else {}
    return section if isinstance(section, Mapping) else {}


def elements(value: str) -> list[str]:
    """The elements of a comma-separated list as the pilot takes it apart: an empty text has one, which is empty."""
    return [name.strip() for name in value.split(",")]


def _chosen(operations: Tree, paths: Sequence[str]) -> dict[str, Chosen]:
    chosen: dict[str, Chosen] = {}
    for path in paths:
        for name, value in found(operations, path).items():
            before = chosen.get(name)
            overridden = (*before.overridden, before.path) if before else ()
            chosen[name] = Chosen(value, f"{path}/{name}", overridden)
    return chosen


def places(operations: Tree, name: str, vo: str, setup: str = "") -> Iterator[str]:
    """Full paths of an option in all sections that a pilot of a VO reads."""
    for path in pilot_sections(vo, setup):
        if name in found(operations, path):
            yield f"{path}/{name}"
