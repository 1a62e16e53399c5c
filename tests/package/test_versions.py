# SPDX-License-Identifier: GPL-3.0-only
"""What setup.cfg allows can be installed together, oldest and newest, and check names what does not fit."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from PilotLoggingDIRAC.commands.installed_versions import find_misfits

PROJECT = Path(__file__).resolve().parent.parent.parent
_NO_INDEX = ("Failed to fetch", "error sending request", "Could not connect", "dns error", "tunnel error")


@pytest.fixture(scope="module")
def requirements() -> list[str]:
    """As pip has them of the installed package."""
    setup = configparser.ConfigParser(delimiters=["="])
    setup.read(PROJECT / "setup.cfg")
    found = setup["options"]["install_requires"].split("\n")
    for extra in ("server", "portal"):
        lines = setup["options.extras_require"][extra].split("\n")
        found += [f'{line}; extra == "{extra}"' for line in lines if line and not line.startswith("#")]
    return [line for line in found if line]


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_oldest_and_the_newest_fit_each_other(requirements: list[str], resolution: str, tmp_path: Path) -> None:
    pytest.importorskip("uv", reason="uv is not installed: dev/requirements-test.txt")
    wanted = tmp_path / "wanted.in"
    wanted.write_text("\n".join(line.partition(";")[0] for line in requirements))
    command = [sys.executable, "-m", "uv", "pip", "compile", "--no-header", "--no-annotate", "--python-version", "3.11"]
    done = subprocess.run(
        [*command, "--resolution", resolution, wanted], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode and any(sign in done.stderr for sign in _NO_INDEX):
        pytest.skip(f"the package index cannot be reached: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    versions = {
        one.name: str(one.specifier)[2:] for line in done.stdout.split("\n") if line for one in [Requirement(line)]
    }
    assert list(find_misfits(requirements, lambda name: versions.get(name.lower().replace("_", "-")))) == []
    assert Version(versions["webappdirac"]) >= Version("6.0.7")
    assert Version(versions["dirac"]) >= Version("9.1.21")
    assert Version(versions["tornado-m2crypto"]) >= Version("0.1.6")


@pytest.mark.parametrize(
    ("installed", "misfits"),
    [
        ({"DIRAC": "9.1.22", "WebAppDIRAC": "6.0.8", "tornado-m2crypto": "0.1.6"}, []),
        ({"DIRAC": "9.1.5", "tornado-m2crypto": "0.1.6"}, []),
        ({"DIRAC": "9.1.22", "WebAppDIRAC": "6.0.6"}, ["WebAppDIRAC 6.0.6"]),
        ({"DIRAC": "9.1.20", "WebAppDIRAC": "6.0.7"}, ["DIRAC 9.1.20"]),
        ({"DIRAC": "9.1.22", "tornado-m2crypto": "0.1.5"}, ["tornado-m2crypto 0.1.5"]),
        ({"DIRAC": "9.2.0"}, ["DIRAC 9.2.0"]),
    ],
)
def test_what_does_not_fit_is_named(requirements: list[str], installed: dict[str, str], misfits: list[str]) -> None:
    sentences = list(find_misfits(requirements, installed.get))
    assert [sentence.partition(" is installed")[0] for sentence in sentences] == misfits
    assert all("pip install '" in sentence for sentence in sentences)
