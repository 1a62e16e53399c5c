# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-pilot-logs-config`` as a VO's administrator runs it, on a real CS: what it says, changes and finds."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from grid_support.grid import Grid
from harness.show import client_environment, on_terminal
from harness.stacks import PROJECT
from parts.grid_configuration import CES

COMMAND = PROJECT / ".venv" / "bin" / "dirac-pilot-logs-config"
AS_HOST = ("-o", "/DIRAC/Security/UseServerCertificate=yes")
PILOT = "/Operations/alpha/Pilot"
SHIFTER = "/Operations/alpha/Shifter/DataManager"
SERVICE = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
AGENT = "/Systems/WorkloadManagement/Agents/PilotLoggingAgent"
URLS = "/Systems/WorkloadManagement/URLs/TornadoPilotLogging"
SWITCHED_OFF = f"{PILOT}\n  - RemoteLogging = True\n  + RemoteLogging = false\n"


def config(grid: Grid, *arguments: str, caller: str = "alpha_admin", answer: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    environment = client_environment(grid.stack, caller)
    # Plugins are tried in a folder of the installation's own.
    environment["DIRAC_ROOT_PATH"] = str(grid.stack.layout.home("config-command"))
    done = subprocess.run(
        [COMMAND, *arguments], input=answer, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def report(grid: Grid, *arguments: str) -> dict[str, Any]:
    code, output, errors = config(grid, "show", "--vo", "alpha", "--json", *arguments)
    assert code == 0, errors
    document: dict[str, Any] = json.loads(output)
    return document


def check(grid: Grid, *options: str, caller: str = "alpha_admin") -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """Exit code, and by what they are about the states and sentences."""
    arguments = [word for option in options for word in ("-o", option)]
    as_host = AS_HOST if caller == "alpha_admin" else ()
    code, output, errors = config(grid, "check", "--vo", "alpha", "--json", *as_host, *arguments, caller=caller)
    assert output, errors
    document = json.loads(output)
    assert document["ok"] is (code == 0)
    found: dict[str, list[tuple[str, str]]] = {}
    for each in document["checks"]:
        found.setdefault(each["about"].split(" localhost")[0], []).append((each["state"], each["sentence"]))
    return code, found


def sending(grid: Grid) -> list[str]:
    """The CEs whose pilots send."""
    told = {each["where"]: each["sends"] for each in report(grid)["pilots"]}
    return [ce for ce in CES if told.get(ce, told.get("every CE", False))]


def test_off_and_on_ce_by_ce(grid: Grid) -> None:
    assert sending(grid) == list(CES)
    code, output, _ = config(grid, "disable", "--vo", "alpha", "--yes")
    assert (code, output.startswith(SWITCHED_OFF)) == (0, True)
    assert "Pilots of alpha on every CE send nothing" in output

    code, output, _ = config(grid, "enable", "--vo", "alpha", "--ce", CES[0], "--yes")
    assert (code, sending(grid)) == (0, [CES[0]])
    assert f"  + RemoteLoggerCEsWhiteList = {CES[0]}\n" in output
    code, again, _ = config(grid, "enable", "--vo", "alpha", "--ce", CES[0], "--yes")
    assert (code, again.splitlines()[0]) == (0, "Nothing has to change in the CS.")

    code, output, _ = config(grid, "enable", "--vo", "alpha", "--ce", CES[1], "--module", "--yes")
    assert code == 0
    assert [line for line in output.splitlines() if line.startswith("  ")] == [
        "  + CommandExtensions = PilotLogging",
        f"  - RemoteLoggerURL = {grid.stack.urls[0]}",
        f"  + RemoteLoggerURLs = {grid.stack.urls[0]}",
        f"  - RemoteLoggerCEsWhiteList = {CES[0]}",
        f"  + RemoteLoggerCEsWhiteList = {', '.join(CES)}",
    ]
    assert [each["by"] for each in report(grid)["pilots"]] == ["MODULE", "MODULE", "NOBODY"]


def test_it_asks_before_it_changes_anything(grid: Grid) -> None:
    before = report(grid)
    code, output, errors = config(grid, "disable", "--vo", "alpha")
    assert (code, output.splitlines()[-1]) == (1, "Nothing was changed.")
    assert "give --yes" in errors
    assert report(grid) == before
    shown = on_terminal([COMMAND, "show", "--vo", "alpha"], client_environment(grid.stack, "alpha_user"))
    assert shown[0] == 0
    assert b"\x1b[1;32mPilots of alpha on " in shown[1]


@pytest.mark.parametrize(
    ("arguments", "caller", "sentence"),
    [
        (["enable", "--vo", "alpha"], "alpha_user", "your group alpha_user does not have it"),
        (["disable", "--vo", "gamma\n"], "alpha_admin", "There is no VO gamma in the Registry"),
        (["enable", "--vo", "alpha", "--ce", "ce1.loopback.com"], "alpha_admin", f"is it {CES[0]}?"),
        (["enable", "--vo", "ALPHA"], "alpha_admin", "There is no VO ALPHA in the Registry; there are: alpha, beta."),
        (["enable", "--vo", "alpha", "--ce", "CE1.loopback.ORG"], "alpha_admin", f"is it {CES[0]}?"),
        (["enable", "--vo", "alpha"], "stranger", "with the DN /O=PilotLogging stack/CN=stranger of your proxy"),
    ],
)
def test_refusals_are_sentences(grid: Grid, arguments: list[str], caller: str, sentence: str) -> None:
    code, output, errors = config(grid, *arguments, caller=caller)
    assert (code, output) == (1, "")
    assert sentence in errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "takes one of show, enable, disable, check"),
        (["check", "--vo", "alpha", "--ce", "x"], "check takes no --ce"),
    ],
)
def test_wrong_calls(grid: Grid, arguments: list[str], sentence: str) -> None:
    code, _, errors = config(grid, *arguments)
    assert (code, sentence in errors) == (2, True)


def test_a_check_where_all_is_well(grid: Grid) -> None:
    _, found = check(grid)
    # What the collectors themselves complain of, such as slow acknowledgements on a busy machine, is not of this test.
    assert {about for about, said in found.items() if "to do" in dict(said)} <= {"collectors"}, found
    assert {state for state, _ in found["VO"] + found["collector"] + found["shifter's proxy"]} == {"ok"}
    assert found["authorization of pilots"][0][0] == "ok"
    ((state, said),) = found["plugin StorageElement"]
    assert (state, said.startswith("It wrote, read and removed /alpha/pilotlogs/")) == ("ok", True)
    # Nothing stays behind.
    assert not list(grid.folder("alpha").glob(f"*{said.split('/')[-1].removesuffix('.log.')}*"))
    assert not grid.left_behind("config-command")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {
                f"{PILOT}/RemoteLogging": "no",
                "/Operations/alpha/Shifter/DataManager/User": "alpha_admin",
                "/Operations/alpha/Shifter/DataManager/Group": "alpha_admin",
                f"{SERVICE}/Authorization/appendLog": "Operator",
                "/Systems/Monitoring/Services/WebApp/DownloadPlugin": "Other",
                URLS: "https://localhost:1/WorkloadManagement/TornadoPilotLogging",
            },
            {
                "options": "the pilot takes only the word true",
                "collector": "No connection: Connection refused",
                "shifter's proxy": "ProxyManager has no proxy of alpha_admin",
                "plugin StorageElement": "It does not work: ",
                "authorization of pilots": "(GenericPilot, LimitedDelegation) may not call appendLog",
                "portal": "remove it",
            },
        ),
        (
            {f"{PILOT}/LoggingPlugins": "LocalDirectory, Nowhere", f"{PILOT}/RemoteLoggerTimerInterval": "10s"},
            {"pilots": "end at their start", "options": "no extension has a NowherePlugin"},
        ),
        ({f"{PILOT}/Quota": "plenty"}, {"options": "is not accepted: give a size"}),
    ],
)
def test_what_would_fail_later_fails_now(grid: Grid, options: dict[str, str], expected: dict[str, str]) -> None:
    code, found = check(grid, *(f"{path}={value}" for path, value in options.items()))
    assert code == 1
    for about, words in expected.items():
        assert any(state == "to do" and words in sentence for state, sentence in found[about]), found


def test_a_check_from_elsewhere_says_what_it_could_not_try(grid: Grid) -> None:
    nowhere = [f"/DIRAC/Security/{name}=/nowhere" for name in ("CertFile", "KeyFile")]
    _, found = check(grid, *nowhere, caller="alpha_user")
    assert [state for state, _ in found["plugin StorageElement"]] == ["not tried"]
    assert "on the agent's host" in found["plugin StorageElement"][0][1]


CHANGE_THE_CS = """
import json, sys
from DIRAC.Core.Base.Script import Script
Script.parseCommandLine()
from DIRAC.ConfigurationSystem.Client.CSAPI import CSAPI
api = CSAPI()
asked = json.load(sys.stdin).items()
done = [api.setOption(path, value) for path, value in asked if value is not None]
for path, value in asked:
    if value is None:
        api.delOption(path)  # which may be gone already
done.append(api.commit())
assert all(result["OK"] for result in done), done
"""


def change_the_cs(grid: Grid, options: dict[str, str | None]) -> None:
    """As with the portal's configuration manager; None removes an option."""
    own = client_environment(grid.stack, "alpha_admin")
    subprocess.run(
        [sys.executable, "-c", CHANGE_THE_CS], input=json.dumps(options), text=True, env=own, timeout=300, check=True
    )


def test_all_that_somebody_should_know_comes_before_the_question(grid: Grid) -> None:
    url, away = grid.stack.urls[0], "https://localhost:1/WorkloadManagement/TornadoPilotLogging"
    noted = URLS.replace("/Tornado", "/")
    # As dirac-install-component leaves it: under a name that no client looks for.
    change_the_cs(grid, {URLS: None, noted: url, f"{PILOT}/RemoteLogging": "false"})
    try:
        code, output, errors = config(grid, "enable", "--vo", "alpha", "--url", away)
        assert (code, "give --yes" in errors) == (1, True)
        lines = output.splitlines()
        assert lines[lines.index(URLS.rpartition("/")[0]) + 1] == f"  + TornadoPilotLogging = {url}"
        assert "PROBLEM: collector localhost:1: No connection: Connection refused. Does it run" in lines[-2]
        assert lines[-1] == "Nothing was changed."

        code, output, _ = config(grid, "enable", "--vo", "alpha", "--url", url, "--yes")
        *before, changed = output.partition("The CS has been changed.")[:2]
        assert (code, changed) == (0, "The CS has been changed.")
        assert "Pilots of alpha on " in before[0]
        after = output.partition(changed)[2]
        assert "PilotSyncAgent" in after
        assert "\ndirac-pilot-logs-config check --vo alpha -o /DIRAC/Security/UseServerCertificate=yes\n" in after
        assert "Pilots of alpha on " not in after

        # What is there stays, whatever the installer notes afterwards.
        change_the_cs(grid, {noted: away})
        code, output, _ = config(grid, "enable", "--vo", "alpha", "--yes")
        assert (code, output.splitlines()[0]) == (0, "Nothing has to change in the CS.")
        assert f"NOTE: {URLS} = {url} stays as it is, and DIRAC's installer has noted {away}" in output
        assert "PilotSyncAgent" not in output
    finally:
        change_the_cs(grid, {URLS: url, noted: None, f"{PILOT}/RemoteLogging": "True"})


def test_each_mistake_is_told_once_under_the_path_of_the_documents(grid: Grid) -> None:
    kept = {f"{PILOT}/UploadPath": "/alpha/pilotlogs", f"{PILOT}/Redact": None}
    change_the_cs(grid, {f"{PILOT}/UploadPath": None, f"{PILOT}/Redact": "perhaps"})
    try:
        typos = {"Quotta": "1", "maxlogsize": "1MB", "StorageElment/UploadSE": "x"}
        given = [f"{PILOT}/{name}={value}" for name, value in typos.items()]
        given += ["/Operations/Defaults/Pilot/SilentAfter=soon", f"{PILOT}/RemoteLoggerURL=http://localhost/x"]
        given += [f"{SERVICE}/MaxMesageSize=1MB", f"{AGENT}/ClearPilotDelay=3"]
        code, found = check(grid, *given)
        change_the_cs(grid, {f"{PILOT}/Redact": None})
        _, missing = check(grid)
    finally:
        change_the_cs(grid, kept)
    assert code == 1
    said = [sentence for each in found.values() for _, sentence in each]
    for begin in (
        f"{PILOT}/Redact = 'perhaps' is not accepted: give yes or no.",
        "/Operations/Defaults/Pilot/SilentAfter = 'soon' is not accepted: give a duration",
        f"{SERVICE}/MaxMesageSize is not an option; accepted here: MaxMessageSize, ",
        f"{AGENT}/ClearPilotDelay is read by nobody: is it ClearPilotsDelay?",
        f"{PILOT}/Quotta is read by nobody: is it Quota?",
        f"{PILOT}/maxlogsize is read by nobody: is it MaxLogSize?",
        f"{PILOT}/StorageElment is read by nobody: is it StorageElement?",
        f"{PILOT}/RemoteLoggerURL = 'http://localhost/x' ends pilots at their start",
    ):
        assert sum(begin in sentence for sentence in said) == 1, (begin, said)
    said = [sentence for each in missing.values() for _, sentence in each]
    assert [sentence for sentence in said if "UploadPath" in sentence] == [
        f"{PILOT}/UploadPath is not set, and has no default."
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {
                f"{PILOT}/UploadSE": "se-xroot",
                f"{PILOT}/RemoteLoggerCEsWhiteList": "CE1.loopback.org",
                f"{SHIFTER}/User": "Alpha_User",
            },
            {
                f"{PILOT}/UploadSE = 'se-xroot'": "is it SE-XROOT? There are: SE-S3, SE-XROOT.",
                f"{PILOT}/RemoteLoggerCEsWhiteList names CE1": f"no such CE: is it {CES[0]}?",
                f"{SHIFTER}/User = 'Alpha_User'": "no such user: is it alpha_user?",
            },
        ),
        (
            {f"{PILOT}/UploadPath": "/beta/logs", f"{SHIFTER}/Group": "alpha_usr"},
            {
                f"{PILOT}/UploadPath = '/beta/logs'": "does not begin with /alpha/.",
                f"{SHIFTER}/Group = 'alpha_usr'": "no such group: is it alpha_user?",
            },
        ),
        (
            {
                f"{PILOT}/LoggingPlugins": "storageelement, StorageElement",
                **dict.fromkeys((f"{SHIFTER}/User", f"{SHIFTER}/Group"), "beta_user"),
            },
            {
                f"{PILOT}/LoggingPlugins names storageelement": "storageelementPlugin: is it StorageElement? There",
                f"{SHIFTER}/Group = 'beta_user'": "is of VO beta: name one of VO alpha.",
            },
        ),
        ({f"{SHIFTER}/Group": ""}, {SHIFTER: "does not name a Group."}),
    ],
)
def test_what_is_not_there_is_named_with_what_is(grid: Grid, options: dict[str, str], expected: dict[str, str]) -> None:
    nowhere = [f"/DIRAC/Security/{name}=/nowhere" for name in ("CertFile", "KeyFile")]
    code, found = check(grid, *nowhere, *(f"{path}={value}" for path, value in options.items()), caller="alpha_user")
    assert code == 1
    said = [sentence for each in found.values() for state, sentence in each if state == "to do"]
    for begin, words in expected.items():
        assert [words in sentence for sentence in said if sentence.startswith(begin)] == [True], found
    assert len(said) == len(expected), said


def test_a_wrong_address_is_not_taken_for_a_collector_that_is_away(grid: Grid) -> None:
    wrong = f"{grid.stack.urls[0]}/elsewhere"
    _, found = check(grid, f"{PILOT}/RemoteLoggerURL={wrong}", f"{PILOT}/RemoteLoggerURLs={wrong}")
    ((state, said),) = found[wrong]
    assert state == "to do"
    assert "It is no collector, it answers 404 Not Found: its path is /WorkloadManagement/TornadoPilotLogging" in said


def test_what_a_user_cannot_try_is_one_line(grid: Grid) -> None:
    nowhere = [word for name in ("CertFile", "KeyFile") for word in ("-o", f"/DIRAC/Security/{name}=/nowhere")]
    code, output, _ = config(grid, "check", "--vo", "alpha", *nowhere, caller="alpha_admin")
    assert code == 0
    (line,) = [line for line in output.splitlines() if "on the agent's host" in line]
    assert line.startswith("not tried  figures of https://localhost:")
    assert (
        "shifter's proxy, plugin StorageElement: Run check on the agent's host, as the agent's user, with -o " in line
    )


def test_a_check_of_what_pilot_sync_agent_has_published(grid: Grid, tmp_path: Path) -> None:
    layout = grid.stack.layout
    options = dict.fromkeys(("RemoteLoggerURL", "RemoteLoggerURLs"), grid.stack.urls[0])
    options |= {"RemoteLogging": "true", "CommandExtensions": "PilotLogging", "RemoteLoggerCEsWhiteList": CES[0]}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(layout.host_certificate, layout.host_key)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        given = [f"{PILOT}/{name}={value}" for name, value in options.items()]
        given += [f"{PILOT}/LoggingPlugins=LocalDirectory"]
        given += [f"/Operations/Defaults/Pilot/pilotFileServer=localhost:{server.server_port}"]
        try:
            _, nothing = check(grid, *given)
            (tmp_path / "pilot.json").write_text(json.dumps({"alpha": {"Pilot": {"RemoteLogging": "false"}}}))
            _, old = check(grid, *given)
            (tmp_path / "pilot.json").write_text(json.dumps({"alpha": {"Pilot": options}}))
            (tmp_path / "checksums.sha512").write_text("0123  pilot.json\n")
            _, without_the_module = check(grid, *given)
            module = sorted(file.name for file in (PROJECT / "pilot").glob("PilotLogging*.py"))
            sums = [f"0123  {name}\n" for name in ("pilot.json", *module)]
            (tmp_path / "checksums.sha512").write_text("".join(sums[:2]))
            _, without_its_parts = check(grid, *given)
            (tmp_path / "checksums.sha512").write_text("".join(sums))
            for name in module:
                shutil.copy(PROJECT / "pilot" / name, tmp_path)
            _, good = check(grid, *given)
            part = tmp_path / "PilotLoggingSender.py"
            part.write_text(part.read_text().replace('__version__ = "', '__version__ = "7.'))
            _, of_another_version = check(grid, *given)
        finally:
            server.shutdown()
    assert [state for state, _ in nothing["pilot files"]] == ["to do"]
    assert f"is not what the CS says: Pilots of alpha on {CES[0]} send nothing" in old["pilot files"][0][1]
    assert [state for state, _ in without_the_module["pilot files"]] == ["ok", "to do"]
    assert [state for state, _ in without_its_parts["pilot files"]] == ["ok", "to do"]
    said = "PilotLoggingSender.py and PilotLoggingRedaction.py are not among them beside PilotLoggingCommands.py"
    assert said in without_its_parts["pilot files"][1][1]
    assert [state for state, _ in good["pilot files"]] == ["ok", "ok"]
    assert [state for state, _ in of_another_version["pilot files"]] == ["ok", "to do"]
    assert "PilotLoggingSender.py is of version 7." in of_another_version["pilot files"][1][1]
