# SPDX-License-Identifier: GPL-3.0-only
"""The core on a Python after DIRAC's own 3.11: its tests, with SQLite, where dev/install has found one."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

PROJECT = Path(__file__).resolve().parent.parent.parent
VERSIONS = ["3.13", "3.12"]


def test_the_package_and_dev_install_name_the_same_pythons() -> None:
    setup = configparser.ConfigParser(delimiters=["="])
    setup.read(PROJECT / "setup.cfg")
    assert all(version in SpecifierSet(setup["options"]["python_requires"]) for version in ["3.11", *VERSIONS])
    # As DIRAC 9.1, without which only the core runs.
    assert re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"]) == ["3.11"]
    (minors,) = re.findall(r"^cores=\((.*?)\)", (PROJECT / "dev" / "install").read_text(), re.MULTILINE)
    assert [f"3.{minor}" for minor in minors.split()] == VERSIONS


def test_the_tests_of_the_core(tmp_path: Path) -> None:
    """On the newest Python that is there; nothing in the core is deprecated there, either."""
    pythons = [PROJECT / ".venv" / "pythons" / version / "bin" / "python" for version in VERSIONS]
    python = next(filter(Path.exists, pythons), None)
    if python is None:
        pytest.skip(f"there is no Python {' or '.join(VERSIONS)} here: install one, and run dev/install test")
    options = ["-q", "-p", "no:cacheprovider", "-W", "error::DeprecationWarning", "--hypothesis-profile=brief"]
    done = subprocess.run(
        [python, "-m", "pytest", *options, f"--basetemp={tmp_path / 'core'}", "tests/unit"],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
        | {"PYTHONPATH": str(PROJECT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    (passed,) = re.findall(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert int(passed) > 1000
