# SPDX-License-Identifier: GPL-3.0-only
"""The order of the rooms: what lies below imports nothing that lies above it.

``docs/architecture.md`` draws them. Rooms of one floor do not import each other, unless ``BESIDE`` says so.
"""

import ast
from pathlib import Path

import pytest

import PilotLoggingDIRAC

ROOT = Path(PilotLoggingDIRAC.__file__).parent
FLOORS = (
    ("errors", "_version"),
    ("text", "names", "durations", "documents", "bounded_json", "tls", "Core"),
    ("settings",),
    ("lines",),
    ("redaction",),
    ("model",),
    ("gap_lines",),
    ("store",),
    ("ingest", "read", "deliver", "terminal"),
    ("activation",),
    ("dirac_bridge",),
    ("https", "storage"),
    ("commands",),
    ("WorkloadManagementSystem", "MonitoringSystem", "WebApp"),
)
"""From the ground up."""
BESIDE = {("WebApp", "WorkloadManagementSystem"), ("MonitoringSystem", "WorkloadManagementSystem")}
"""The portal's parts and DIRAC's names are one floor, and may lean on each other in these directions."""
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports(file: Path) -> set[str]:
    """The rooms that a file imports, other than its own; what only type checkers read does not count."""
    here = list(file.relative_to(ROOT).with_suffix("").parts)
    package = here[:-1]
    found = set()
    for node in ast.walk(_without_type_checking(ast.parse(file.read_text()))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            path = package[: len(package) - node.level + 1] + (node.module or "").split(".")
        elif node.module and node.module.split(".")[0] == "PilotLoggingDIRAC":
            path = node.module.split(".")[1:]
        else:
            continue
        path = [part for part in path if part]
        found |= {path[0]} if path else {alias.name for alias in node.names}
    return found - {here[0], "__version__"}


def _without_type_checking(tree: ast.Module) -> ast.Module:
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return tree


def files() -> list[Path]:
    return sorted(file for file in ROOT.rglob("*.py") if file.name != "__init__.py" or file.parent != ROOT)


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_arrow_runs_up(file: Path) -> None:
    own = file.relative_to(ROOT).with_suffix("").parts[0]
    for other in imports(file):
        assert FLOOR[other] < FLOOR[own] or (own, other) in BESIDE, f"{own} imports {other}, which is no room below it"


def test_every_room_has_a_floor() -> None:
    rooms = {file.relative_to(ROOT).with_suffix("").parts[0] for file in files()}
    assert rooms == set(FLOOR)
