# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-config show`` agrees with the pilot, for many CSs: pilot.json is made of them by DIRAC's own
PilotCStoJSONSynchronizer, and read by the pilot's own code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pilot.harness import MODULE, kinds

from PilotLoggingDIRAC.activation.worker_node import NUMBERS

ASK = Path(__file__).parent / "harness" / "decide_as_pilot.py"
URLS = [f"https://{name}.example.org:8443/WorkloadManagement/TornadoPilotLogging" for name in ("one", "two")]
CES = ["ce1.example.org", "ce2.example.org"]
NUMBER_TEXTS = ["0", "1", "20", "20s", "1h", "1d", "8MiB", "64 kB", "1.5", "-1", "many", "", "99999999999"]
VALUES = {
    "RemoteLogging": ["true", "True", "yes", "false", ""],
    "RemoteLoggerURL": [*URLS, ", ".join(URLS), "data:,", ""],
    "RemoteLoggerURLs": [URLS[0], ", ".join(URLS), f"{URLS[1]},nonsense,http://x", "https://x:y/", "nonsense", ""],
    "RemoteLoggerCEsWhiteList": [CES[0], ", ".join(CES), f"{CES[1]}, other", ""],
    "CommandExtensions": ["PilotLogging", "PilotLogging, Mine", "Mine,PilotLogging", "PilotLoggingCommands", ""],
    "PilotLogLevel": ["INFO", "debug", "LOUD"],
    "RemoteLogLevel": ["DEBUG", "warn", "LOUD", ""],
    **dict.fromkeys(NUMBERS, NUMBER_TEXTS),
    "RemoteLoggerTimerInterval": ["0", "30", " 5", "10s", ""],
    "RemoteLoggerBufsize": ["1000", "0", "-3", "1_0", "many"],
}
LIKELY = ("RemoteLogging", "RemoteLoggerURL", "RemoteLoggerURLs", "CommandExtensions")


def sections() -> st.SearchStrategy[dict[str, Any]]:
    options = {name: st.sampled_from(values) for name, values in VALUES.items()}
    return st.fixed_dictionaries({}, optional=options)


def operations() -> st.SearchStrategy[dict[str, Any]]:
    pilot = st.fixed_dictionaries({}, optional={"Pilot": sections()})
    vo = st.fixed_dictionaries({"Pilot": sections()}, optional={"Defaults": pilot, "Production": pilot})
    return st.fixed_dictionaries(
        {"alpha": vo}, optional={"Defaults": pilot, "Production": pilot, "Pilot": sections(), "beta": vo}
    )


class Asked:
    """A process that answers what the pilot and the report say."""

    def __init__(self, pilot: Path) -> None:
        command = [sys.executable, str(ASK), str(pilot), str(MODULE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, tree: dict[str, Any], setup: str, ce: str, extra: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the pilot does on a queue with these ExtraPilotOptions, and the report of its CE."""
        queue = {"ExtraPilotOptions": extra} if extra else {"maxCPUTime": "1"}
        site = {"CEs": {ce: {"CEType": "HTCondorCE", "Queues": {"long": queue}}}}
        cs = {
            "Operations": tree,
            "Registry": {"VO": {"alpha": {"VOMSName": "alpha"}}, "Groups": {"alpha_pilot": {"VO": "alpha"}}},
            "Resources": {"Sites": {"LCG": {"LCG.Example.org": site}}},
        }
        if setup:
            cs["DIRAC"] = {"DefaultSetup": setup}
        # As DIRAC's SiteDirector does.
        arguments = ["-N", ce, "-Q", "long", "--wnVO=alpha", *" ".join(extra.split(",")).split()]
        asked = {"cs": cs, "vo": "alpha", "ce": ce, "arguments": arguments}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process ended"
        answer = json.loads(line)
        return answer["pilot"], answer["report"]

    def end(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module", params=kinds())
def asked(request: pytest.FixtureRequest) -> Iterator[Asked]:
    process = Asked(kinds()[request.param])
    yield process
    process.end()


def done_by(pilot: dict[str, Any]) -> tuple[str, list[str]]:
    """Who sends by the pilot's own code, and to whom."""
    if pilot["fatal"]:
        return "FATAL", []
    own = pilot["on"] and pilot["url"] is not None
    module = pilot["on"] and "PilotLogging" in pilot["extensions"] and pilot["listed"] and bool(pilot["urls"])
    if own and not pilot["url"].startswith("data:"):
        if pilot["url"] not in URLS:  # urlopen takes it for no URL, or finds nobody there
            return "FATAL", []
        return ("BOTH", pilot["urls"]) if module else ("OWN", [pilot["url"]])
    return ("MODULE", pilot["urls"]) if module else ("NOBODY", [])


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    operations(),
    st.sampled_from(["", "Production"]),
    st.sampled_from(CES),
    st.sampled_from(["", "", "-z", "-z, -E PilotLogging", f"-z,-g {URLS[1]}", "-D 1, -E Mine"]),
)
def test_the_report_says_what_the_pilot_does(
    asked: Asked, tree: dict[str, Any], setup: str, ce: str, extra: str
) -> None:
    pilot, report = asked(tree, setup, ce, extra)
    # The queue is named only where it differs.
    said = report["pilots"][-1]
    assert (said["by"], said["to"]) == done_by(pilot)
    assert said["sends"] is (said["by"] not in ("NOBODY", "FATAL"))
    if pilot["fatal"]:
        assert report["mistakes"][0]["grave"]
        return
    values = {row["option"]: row["value"] for row in report["pilotReads"]}
    assert pilot["debug"] is (values["PilotLogLevel"].lower() == "debug")
    if not extra:
        assert pilot["extensions"] == (
            [name.strip() for name in values["CommandExtensions"].split(",")] if values["CommandExtensions"] else []
        )
        told = " ".join(mistake["sentence"] for mistake in report["mistakes"])
        if "PilotLogging" in pilot["extensions"]:
            for problem in (each for each in pilot["problems"] if "data:" not in each):
                # "RemoteLoggerSpill is '1d' instead of ...", or "'nonsense' is no https URL ..."
                assert problem.split()[0].strip("'") in told, problem
            wrong = [
                name for name in (*NUMBERS, "RemoteLogLevel") if any(p.startswith(name) for p in pilot["problems"])
            ]
            assert [name for name in NUMBERS if f"/{name} = " in told] == [name for name in NUMBERS if name in wrong]


def test_the_defaults_of_the_module(asked: Asked) -> None:
    """An option that is not set counts as its default, as the report has it."""
    with_defaults = {name: number.default for name, number in NUMBERS.items()}
    with_defaults |= {"RemoteLoggerTimerInterval": "0", "RemoteLoggerBufsize": "1000"}
    unset, _ = asked({"alpha": {"Pilot": {}}}, "", CES[0], "")
    explicit, _ = asked({"alpha": {"Pilot": with_defaults}}, "", CES[0], "")
    assert unset["numbers"] == explicit["numbers"]
