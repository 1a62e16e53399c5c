# SPDX-License-Identifier: GPL-3.0-only
"""Each method of the collector stands wherever it is said who may call what: none is forgotten when one is added."""

import ast
import re
from pathlib import Path

import pytest
from diraccfg import CFG

from PilotLoggingDIRAC import WorkloadManagementSystem
from PilotLoggingDIRAC.commands.diagnose import READERS, called_by

PROJECT = Path(__file__).parents[2]
SYSTEM = Path(WorkloadManagementSystem.__file__).parent
OF_DIRAC = {"ping", "whoami", "echo"}
"""Methods that each service of DIRAC's has; DIRAC says who may call them."""


def _class() -> ast.ClassDef:
    source = (SYSTEM / "Service" / "TornadoPilotLoggingHandler.py").read_text()
    (handler,) = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return handler


def exported() -> set[str]:
    """The methods of the handler."""
    names = {node.name for node in _class().body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name.removeprefix("export_") for name in names if name.startswith("export_")} - OF_DIRAC


def defaults() -> dict[str, list[str]]:
    """Method to who may call it where the CS says nothing, as the handler has it."""
    return {
        target.id.removeprefix("auth_"): ast.literal_eval(node.value)
        for node in _class().body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.startswith("auth_")
    }


def in_table(document: str, title: str) -> dict[str, str]:
    """Method to the rest of its row, in the table below a line of a document."""
    text = (PROJECT / "docs" / document).read_text().partition(title)[2]
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return {name: " ".join(rest) for first, *rest in cells for name in re.findall(r"`(\w+)`", first)}


def test_each_method_says_who_may_call_it_and_each_rule_has_its_method():
    assert exported()
    assert set(defaults()) == exported()


def test_config_template_says_the_same_as_the_handler():
    template = CFG()
    template.loadFromFile(str(SYSTEM / "ConfigTemplate.cfg"))
    section = template["Services"]["TornadoPilotLogging"]["Authorization"]
    rules = {name: section.getOption(name, []) for name in section.listOptions()}
    assert rules.pop("Default") == ["authenticated"]
    assert rules == defaults()


def test_check_tries_each_method_that_pilots_and_users_need():
    pilots, users = called_by({"GenericPilot", "Pilot"}), called_by(READERS)
    assert set(pilots) == {name for name, who in defaults().items() if {"GenericPilot", "Pilot"} <= set(who)}
    assert set(users) == {name for name, who in defaults().items() if who == ["authenticated"]}
    assert {*pilots, *users, "getMetadata", "getStatistics", "eraseLog"} == exported(), (
        "that of operators is tried by its call"
    )


def test_configuration_names_each_method_with_who_may_call_it():
    rows = in_table("configuration.md", "says who may call what")
    assert set(rows) == exported()
    for name, who in defaults().items():
        said = re.findall(r"`(\w+)`", rows[name].partition(";")[0])
        assert said == who or (who == ["authenticated"] and rows[name].startswith("anybody registered")), name


def test_the_table_of_doors_names_each_method():
    text = (PROJECT / "docs" / "security.md").read_text()
    heads = next(line for line in text.splitlines() if line.startswith("| caller |"))
    assert set(re.findall(r"`(\w+)`", heads)) == exported() | {"ping", "whoami"}


@pytest.mark.parametrize("name", sorted(exported()))
def test_the_protocol_describes_each_method_with_its_arguments(name):
    """An indented line ``name(arguments)`` for each, with the arguments that it takes, in their order."""
    text = (PROJECT / "docs" / "protocol.md").read_text()
    described = re.search(rf"^    {name}\((.*?)\)", text, re.MULTILINE)
    assert described, f"docs/protocol.md does not describe {name}"
    method = next(node for node in _class().body if getattr(node, "name", "") == f"export_{name}")
    assert described[1].split(", ") == ([argument.arg for argument in method.args.args[1:]] or [""])
