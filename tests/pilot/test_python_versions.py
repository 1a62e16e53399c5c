# SPDX-License-Identifier: GPL-3.0-only
"""The worker-node module on each Python that a worker node may have: 3.6 to 3.14."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pilot.harness import MODULE, PARTS, pythons

VERSIONS = [(3, minor) for minor in range(6, 15)]

# Arguments: the module, and the folder of its parts. What is printed says that the end was reached.
_OUTSIDE = """
import importlib.util, os, pathlib, signal, sys, threading, types

def state():
    dispositions = [signal.getsignal(number) for number in range(1, signal.NSIG)]
    streams = [sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    hooks = [getattr(threading, "excepthook", None), sys.excepthook, sys.displayhook, sys.gettrace(), sys.getprofile()]
    files = sorted(os.listdir(".")), sorted(os.listdir("/proc/self/fd"))
    return dispositions, streams, hooks, files, threading.enumerate(), dict(os.environ), os.getcwd()

def run():
    before = state()
    exec(code, {"__name__": "PilotLoggingCommands"})
    assert state() == before, (before, state())

sys.path.append(sys.argv[2])
code = compile(pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[1], "exec")
run()  # in a program that is no pilot
pilotParams = types.SimpleNamespace()  # in a pilot of which nothing is known
run()
pilotParams.pilotLogging = False  # in one without remote logging
run()
print("nothing has changed")
"""


@pytest.fixture(params=VERSIONS, ids=lambda version: "{}.{}".format(*version))
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of each version that can be had here."""
    found = pythons().get(request.param)
    if not found:
        pytest.skip("there is no Python {}.{} with TLS here".format(*request.param))
    return found


def _run(python: str | Path, *arguments: str | Path, cwd: Path) -> str:
    """What a program prints; every warning is an error."""
    done = subprocess.run(
        [python, "-B", "-W", "error", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONNOUSERSITE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def _faults(file: Path) -> str:
    """What vermin finds in a file that is newer than Python 3.6."""
    vermin = [Path(sys.executable).with_name("vermin"), "--target=3.6-", "--violations", "--quiet", "--no-tips"]
    done = subprocess.run([*vermin, file], capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.stdout or "faults" if done.returncode else ""


@pytest.mark.parametrize("file", [MODULE, *PARTS], ids=lambda file: file.stem)
def test_has_nothing_newer_than_python_3_6(file: Path) -> None:
    assert not _faults(file)


@pytest.mark.parametrize(
    "newer",
    ["if (size := 1): pass", "import subprocess; subprocess.run([], capture_output=True)", "import dataclasses"],
)
def test_would_find_what_is_newer(newer: str, tmp_path: Path) -> None:
    file = tmp_path / MODULE.name
    file.write_text(f"{MODULE.read_text()}\n{newer}\n")
    assert _faults(file)


def test_some_python_is_looked_at() -> None:
    assert set(pythons()) & set(VERSIONS)


@pytest.mark.parametrize("folder", [MODULE.parent, MODULE.parent / "elsewhere"], ids=["beside its parts", "without"])
def test_compiles_without_a_warning_and_does_nothing_outside_of_a_pilot(
    python: Path, tmp_path: Path, folder: Path
) -> None:
    assert _run(python, "-c", _OUTSIDE, MODULE, folder, cwd=tmp_path) == "nothing has changed\n"
    assert not list(tmp_path.iterdir())


def test_its_parts_work(python: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("parts_check.py")
    checks = [line[4:].split("(")[0] for line in script.read_text().splitlines() if line.startswith("def check_")]
    assert len(checks) > 4
    assert _run(python, script, MODULE.parent, cwd=tmp_path).split() == sorted(checks)
    assert not list(tmp_path.iterdir())
