# SPDX-License-Identifier: GPL-3.0-only
"""Monitoring/WebApp with another experiment's extension installed: whose handler DIRAC loads, and what it gives out.

The extensions are the real ones from PyPI, without what they depend on. Where it cannot be reached these tests skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.stacks import RunningStack
from harness.waiting import until
from parts import xrootd
from parts.environment import BIN
from portal_support.portal import Portal

PINNED = {
    "LHCbDIRAC": ["LHCbDIRAC==12.0.21", "LbPlatformUtils==4.6.1"],  # the second is imported at the service's start
    "CTADIRAC": ["CTADIRAC==3.1.0"],
}
OURS = "PilotLoggingDIRAC.MonitoringSystem.Service.WebAppHandler"
SECTION = "/Systems/Monitoring/Services/WebApp"
HANDLER_PATH = f"{SECTION}/HandlerPath={OURS.replace('.', '/')}.py"
LINE = "2026-06-10T11:02:02.823512Z INFO [CheckWorkerNode] a secret of alpha\n"
CLASSIC = "a classic secret of alpha\n"
ASK = """
import json, sys
import DIRAC
DIRAC.initialize(require_auth=False, host_credentials=True)
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
if len(sys.argv) > 1:
    gConfigurationData.setOptionInCFG(*sys.argv[1].split("=", 1))
from PilotLoggingDIRAC.dirac_bridge import pilot_output
from PilotLoggingDIRAC.MonitoringSystem.Service.WebAppHandler import WebAppHandler
expected = pilot_output.expected_handler()
loaded = pilot_output.loaded_handler()
way = [base.__module__ for base in WebAppHandler.__mro__]
print("TOLD", json.dumps([expected.module, expected.keeps_rule, loaded.module, loaded.keeps_rule, loaded.remedy, way]))
"""


@pytest.fixture(scope="class")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An extension in a folder for a PYTHONPATH, by its name."""
    there: dict[str, Path] = {}

    def install(name: str) -> Path:
        if name not in there:
            folder = tmp_path_factory.mktemp(name)
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps"]
            command += ["--no-compile", "--retries", "1", "--target", str(folder), *PINNED[name]]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                pytest.skip(f"{PINNED[name][0]} cannot be had from a package index: {done.stderr[-200:]}")
            shutil.rmtree(folder / "bin", ignore_errors=True)
            there[name] = folder
        return there[name]

    return install


def _environment(stack: RunningStack, path: Path) -> dict[str, str]:
    own = stack.environment("webapp")
    return own | {"PYTHONPATH": os.pathsep.join([str(path), own["PYTHONPATH"]])}


@contextmanager
def _served(portal: Portal, path: Path, *options: str) -> Iterator[None]:
    """The portal's Monitoring/WebApp runs with another extension for as long as the block."""
    stack = portal.stack
    stack.component("webapp", "stop")
    command: list[str | Path] = [BIN / "dirac-service", "Monitoring/WebApp", "--cfg", stack.layout.configuration]
    for option in options:
        command += ["-o", option]
    service = stack.start("webapp", command, _environment(stack, path), stack.layout.home("webapp"))
    try:
        port = portal.plan.ports["webapp"]
        until(lambda: service.process.poll() is not None or xrootd.takes_connections(port), 60, "the service serves")
        assert service.process.poll() is None, service.said
        yield
    finally:
        service.end()
        stack.component("webapp", "start")


def _told(portal: Portal, path: Path, *options: str) -> list[Any]:
    """What our code says of the handler."""
    own = _environment(portal.stack, path) | {"DIRACSYSCONFIG": str(portal.stack.layout.configuration)}
    done = subprocess.run([sys.executable, "-c", ASK, *options], env=own, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert lines, done.stdout + done.stderr
    return list(json.loads(lines[0].removeprefix("TOLD ")))


def _output(portal: Portal, user: str, reference: str) -> str:
    asked = {"data_kind": "getPilotOutput", "data": reference}
    answer = portal.get(user, "PilotMonitor/getJobInfoData", asked).json
    return str(answer.get("result") or answer.get("error"))


class TestBesideAnotherExtension:
    """LHCbDIRAC has a handler of its own, built on DIRAC's; CTADIRAC has none."""

    def test_whose_handler_it_is(self, portal: Portal, extension: Callable[[str], Path]) -> None:
        lhcb, cta = extension("LHCbDIRAC"), extension("CTADIRAC")
        theirs = "LHCbDIRAC.MonitoringSystem.Service.WebAppHandler"
        expected, keeps, loaded, really_keeps, remedy, _ = _told(portal, lhcb)
        assert (expected, keeps, loaded, really_keeps) == (theirs, False, theirs, False)
        assert f"HandlerPath = {OURS.replace('.', '/')}.py" in remedy
        expected, keeps, loaded, really_keeps, remedy, way = _told(portal, lhcb, HANDLER_PATH)
        assert (expected, keeps, loaded, really_keeps, remedy) == (OURS, True, OURS, True, "")
        assert theirs in way  # what is theirs goes on working
        assert _told(portal, cta)[:5] == [OURS, True, OURS, True, ""]

    def test_check_says_what_to_do(self, portal: Portal, extension: Callable[[str], Path]) -> None:
        stack = portal.stack
        own = _environment(stack, extension("LHCbDIRAC")) | {
            "DIRACSYSCONFIG": str(stack.layout.configuration),
            "X509_USER_PROXY": str(stack.layout.credentials / "alpha_admin.pem"),
        }
        command = [BIN / "dirac-pilot-logs-config", "check", "--vo", "alpha", "--json"]
        done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=300, check=False)
        checks = json.loads(done.stdout[done.stdout.index("{") :])["checks"]
        (found,) = [each for each in checks if each["about"] == "portal" and "LHCbDIRAC" in each["sentence"]]
        assert found["state"] == "to do"
        assert "HandlerPath" in found["sentence"]

    def test_remote_logs_stay_in_their_vo_with_lhcbs_handler(
        self, portal: Portal, extension: Callable[[str], Path]
    ) -> None:
        remote = portal.add_pilot(portal.send(LINE))
        with _served(portal, extension("LHCbDIRAC")):
            # DIRAC's handler then tries the classic output, and says what came of that.
            assert "secret" not in _output(portal, "beta_user", remote)
            assert _output(portal, "alpha_user", remote) == LINE
            assert _output(portal, "operator", remote) == LINE

    def test_the_whole_rule_with_our_handler_upon_lhcbs(self, portal: Portal, extension: Callable[[str], Path]) -> None:
        remote = portal.add_pilot(portal.send(LINE))
        classic = portal.add_pilot(uuid.uuid4().hex, output=CLASSIC)
        with _served(portal, extension("LHCbDIRAC"), HANDLER_PATH):
            for reference, text in ((remote, LINE), (classic, CLASSIC)):
                assert _output(portal, "beta_user", reference) == "You may not read the logs of VO alpha."
                assert _output(portal, "alpha_user", reference) == text
