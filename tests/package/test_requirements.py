# SPDX-License-Identifier: GPL-3.0-only
"""setup.cfg, environment.yml and dev/requirements-{base,core}.txt ask for the same."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = Path(__file__).resolve().parent.parent.parent
CONDA = {"DIRAC": "dirac-grid", "DIRAC[server]": "dirac-grid"}
"""Names that conda-forge has differently; dirac-grid has all that DIRAC's servers need."""
NOT_OURS = {"python", "pip"}


def _parsed(lines: list[str]) -> dict[str, SpecifierSet]:
    """Name to bounds."""
    found = [Requirement(text) for line in lines if (text := line.partition("#")[0].strip())]
    return {f"{one.name}[{','.join(one.extras)}]" if one.extras else one.name: one.specifier for one in found}


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser(delimiters=["="])
    setup.read(PROJECT / "setup.cfg")
    return setup


@pytest.fixture(scope="module")
def required(setup: configparser.ConfigParser) -> dict[str, SpecifierSet]:
    """What the package cannot do without."""
    return _parsed(setup["options"]["install_requires"].splitlines())


@pytest.fixture(scope="module")
def conda() -> dict[str, str]:
    """Name to bounds, as conda writes them."""
    lines = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


def test_conda_gets_what_a_server_needs(
    setup: configparser.ConfigParser, required: dict[str, SpecifierSet], conda: dict[str, str]
) -> None:
    wanted = required | _parsed(setup["options.extras_require"]["server"].splitlines())
    ours = {name: SpecifierSet(bounds) for name, bounds in conda.items() if name not in NOT_OURS}
    assert ours == {CONDA.get(name, name): bounds for name, bounds in wanted.items()}


def test_conda_gets_a_python_that_the_package_takes(setup: configparser.ConfigParser, conda: dict[str, str]) -> None:
    version = conda["python"].removeprefix("=")
    assert version in SpecifierSet(setup["options"]["python_requires"])


@pytest.mark.parametrize("file", ["requirements-base.txt", "requirements-core.txt"])
def test_the_development_environment_gets_the_same(required: dict[str, SpecifierSet], file: str) -> None:
    base = _parsed((PROJECT / "dev" / file).read_text().splitlines())
    for name, bounds in required.items():
        if name != "DIRAC":
            assert base.get(name) == bounds, name


def test_the_development_environment_has_a_dirac_that_the_package_takes(required: dict[str, SpecifierSet]) -> None:
    (version,) = re.findall(r"^DIRAC=DIRAC==(\S+)$", (PROJECT / "dev" / "install").read_text(), re.MULTILINE)
    assert version in required["DIRAC"]
    base = _parsed((PROJECT / "dev" / "requirements-base.txt").read_text().splitlines())
    assert base["DIRACCommon"] == SpecifierSet(f"=={version}")
