# SPDX-License-Identifier: GPL-3.0-only
"""The wheel, and an environment that has it beside DIRAC, but neither this work tree nor the tests' tools."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HERE = Path(__file__).resolve().parent
PROJECT = _HERE.parent.parent
sys.path.insert(0, str(_HERE))

from package_support.running import run  # noqa: E402


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that no left-over of an earlier build gets in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    no_products = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")

    def left_out(directory: str, names: list[str]) -> set[str]:
        # Deeper, build is what the portal loads.
        of_setuptools = {"build", "dist"} if Path(directory) == PROJECT else set()
        return no_products(directory, names) | of_setuptools

    shutil.copytree(PROJECT, source, ignore=left_out)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder / "dist", source])
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def _distributions_of_dirac() -> list[metadata.Distribution]:
    """DIRAC, what ``dev/requirements-base.txt`` names, and what these need in turn."""
    lines = (PROJECT / "dev" / "requirements-base.txt").read_text().splitlines()
    wanted = ["DIRAC", *(line.partition("#")[0].strip() for line in lines)]
    found: dict[str, metadata.Distribution] = {}
    while wanted:
        text = wanted.pop()
        if not text:
            continue
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # DIRAC names some that nothing here needs, as dev/requirements-base.txt explains
        wanted += found[name].requires or []
    return list(found.values())


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment. What DIRAC needs is copied file by file from the distributions that pip installed for
    these tests (a minute faster than from PyPI); only the wheel is installed by pip."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", folder])
    (site,) = folder.glob("lib/python3*/site-packages")
    for distribution in _distributions_of_dirac():
        assert distribution.files, distribution
        for file in distribution.files:
            if ".." in file.parts or file.suffix == ".pyc":
                continue
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                _link(Path(str(file.locate())), target)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    run([*pip, "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel])
    return folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
