# SPDX-License-Identifier: GPL-3.0-only
"""The real agent: from a closed log in the database to the storage that its VO chose."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import extension
from harness.client import Client
from harness.sender import batch
from harness.stacks import Program, RunningStack, dumped
from harness.waiting import until

ALPHA, BETA = "/Operations/alpha/Pilot", "/Operations/beta/Pilot"
AGENT = "/Systems/WorkloadManagement/Agents/PilotLoggingAgent"


@pytest.fixture(scope="module")
def extension_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extension")
    return extension.install(folder / "source", folder / "installed")


@pytest.fixture(scope="module")
def stack(own_stack: Callable[..., RunningStack], extension_path: Path) -> RunningStack:
    """Its agents know the throw-away extension. Its collector need not: nothing is read back here."""
    return own_stack(path=(extension_path,))


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape")


@pytest.fixture(autouse=True)
def nothing_is_left(stack: RunningStack) -> Iterator[None]:
    """No test hands a backlog to the next one."""
    yield
    with stack.database() as connection:
        for table in ("PilotLogs", "PilotLogChunks", "PilotLogDeliveries"):
            connection.execute(f"DELETE FROM {table}")


class Tape:
    """What the plugin of the throw-away extension was asked to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def options(self, vo: str = "alpha", **more: Any) -> dict[str, Any]:
        section = f"/Operations/{vo}/Pilot"
        options = {f"{section}/LoggingPlugins": "Recording", f"{section}/Recording/Folder": self.folder}
        return options | {f"{section}/Recording/{name}": value for name, value in more.items()}

    def fail(self, how: str) -> None:
        """From now on every delivery fails; ``""`` ends that."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "fails").unlink(missing_ok=True)
        if how:
            (self.folder / "fails").write_text(how)

    def journal(self, what: str) -> list[list[str]]:
        """VO, stamp, process and finalised of each ``begin`` or ``stored``."""
        try:
            lines = (self.folder / "journal").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [words[1:] for words in map(str.split, lines) if words[0] == what]

    def stamps(self, what: str) -> list[str]:
        return [words[1] for words in self.journal(what)]

    def processes(self, what: str = "begin") -> set[int]:
        return {int(words[2]) for words in self.journal(what)}


def _send(stack: RunningStack, count: int = 1, vo: str = "alpha", closed: bool = True) -> list[str]:
    """New logs whose text names their stamp."""
    pilot: Client = stack.client(f"{vo}_pilot")
    stamps = [uuid.uuid4().hex for _ in range(count)]
    for stamp in stamps:
        final = {"final": {"retCode": 0}} if closed else {}
        assert pilot("appendLog", batch(stamp, 1, f"text of {stamp} €\n", vo=vo, **final))["OK"]
    return stamps


def _states(stack: RunningStack, stamps: list[str]) -> set[str]:
    marks = ", ".join("?" * len(stamps))
    return {row["State"] for row in stack.rows(f"SELECT State FROM PilotLogs WHERE Stamp IN ({marks})", *stamps)}


def _deliveries(stack: RunningStack) -> list[dict[str, Any]]:
    return stack.rows("SELECT * FROM PilotLogDeliveries ORDER BY LogID")


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def _own_folders(agent_home: str, stack: RunningStack) -> list[Path]:
    return [p for p in (stack.directory / agent_home / "work" / "WorkloadManagement").glob("*") if p.is_file()]


def test_from_the_collector_to_the_archive(stack: RunningStack) -> None:
    """Collector and agent have no folder in common but what the CS names: the database and the archive."""
    text = {vo: f"of {vo} ünï €\x00\x1b[1m\n" * 500 for vo in ("alpha", "beta")}
    stamp, stock = uuid.uuid4().hex, uuid.uuid4().hex
    for vo in text:
        pilot = stack.client(f"{vo}_pilot")
        for seq in (1, 2, 3):
            final = {"final": {"retCode": "7"}} if seq == 3 else {}
            pilot("appendLog", batch(stamp, seq, text[vo], vo=vo, **final))
        pilot("sendMessage", dumped(text[vo]), stock, vo)
        pilot("finaliseLogs", dumped({"retCode": "0"}), stock, vo)
    (still_open,) = _send(stack, closed=False)
    agent = stack.run_agent(home="somewhere-else")
    for vo in text:
        assert stack.archived(vo, stamp).read_bytes().decode() == text[vo] * 3
        assert stack.archived(vo, stock).read_bytes().decode() == text[vo]
        assert f"Delivered VO {vo}: {{'delivered': 2}}" in agent.said
    assert not stack.archived("alpha", still_open).exists()
    assert _states(stack, [stamp, stock]) == {"Archived"}
    assert _states(stack, [still_open]) == {"Open"}
    assert [(row["State"], row["Owner"], row["Attempts"]) for row in _deliveries(stack)] == [("Delivered", None, 0)] * 4
    page = stack.client("alpha_user")("readLog", stamp).value
    assert (page["state"], page["exitCode"], page["text"]) == ("Archived", 7, text["alpha"] * 3)
    assert stack.client("operator")("getStatistics").value["deliveries"] == []
    # It leaves no file behind where it worked: the configuration with its passwords, half a log.
    assert _own_folders("somewhere-else", stack) == []
    assert not (stack.directory / "collector-0" / "work" / "WorkloadManagement").exists() or not _own_folders(
        "collector-0", stack
    )


def test_a_cycle_with_nothing_to_do_does_nothing(stack: RunningStack) -> None:
    stamps = _send(stack, 2)
    with stack.cycling_agent() as agent:
        until(lambda: _states(stack, stamps) == {"Archived"})
        before = {stamp: stack.archived("alpha", stamp).stat() for stamp in stamps}
        for _ in range(2):
            agent.finish_cycle()
    assert agent.said.count("Delivered VO") == 1
    for stamp, status in before.items():
        now = stack.archived("alpha", stamp).stat()
        assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


def test_silent_logs_are_closed_by_each_vos_own_time(stack: RunningStack, tape: Tape) -> None:
    (killed,), (running,) = _send(stack, closed=False), _send(stack, vo="beta", closed=False)
    options = tape.options() | {f"{ALPHA}/SilentAfter": "0s", f"{BETA}/SilentAfter": "1h"}
    with stack.cycling_agent(options):
        _see_a_killed_pilot_come_back(stack, tape, killed, running)


def _see_a_killed_pilot_come_back(stack: RunningStack, tape: Tape, killed: str, running: str) -> None:
    until(lambda: _states(stack, [killed]) == {"Archived"})
    assert tape.journal("stored")[0][:2] == ["alpha", killed]
    assert tape.journal("stored")[0][3] == "False"  # not finalised
    page = stack.client("alpha_user")("readLog", killed).value
    assert (page["state"], page["finalised"], page["exitCode"]) == ("Archived", False, None)
    assert _states(stack, [running]) == {"Open"}
    # The pilot was not dead after all: the log opens again, and all of it is stored again.
    stack.client("alpha_pilot")("appendLog", batch(killed, 2, "alive\n", final={"retCode": 0}))
    until(lambda: len(tape.journal("stored")) == 2)
    assert tape.journal("stored")[1][3] == "True"
    assert (tape.folder / killed).read_text() == f"text of {killed} €\nalive\n"


def test_text_leaves_the_database_after_keep_delivered_and_the_row_after_clear_pilots_delay(
    stack: RunningStack,
) -> None:
    """Days go by in the database: the time of archiving is moved back by hand."""
    (stamp,) = _send(stack)

    def chunks() -> int:
        return len(stack.rows("SELECT 1 FROM PilotLogChunks"))

    def days_go_by(days: float) -> None:
        with stack.database() as connection:
            connection.execute("UPDATE PilotLogs SET Archived = datetime(Archived, ?)", [f"-{days} days"])

    with stack.cycling_agent() as agent:
        until(lambda: _states(stack, [stamp]) == {"Archived"})
        days_go_by(0.9)
        agent.finish_cycle()
        assert chunks() == 1
        days_go_by(0.2)
        until(lambda: chunks() == 0)
        days_go_by(28)
        agent.finish_cycle()
        assert _states(stack, [stamp]) == {"Archived"}
        days_go_by(1)
        until(lambda: _states(stack, [stamp]) == set())
    assert _deliveries(stack) == []
    assert stack.client("alpha_user").text_of(stamp) == f"text of {stamp} €\n"


def test_what_is_not_delivered_never_expires(stack: RunningStack, tape: Tape) -> None:
    (stamp,) = _send(stack)
    tape.fail("plainly")
    options = tape.options() | {
        f"{ALPHA}/LoggingPlugins": "LocalDirectory, Recording",
        f"{ALPHA}/KeepDelivered": 0,
        f"{AGENT}/ClearPilotsDelay": 0,
    }
    with stack.cycling_agent(options) as agent:
        until(lambda: _deliveries(stack) and max(row["Attempts"] for row in _deliveries(stack)) == 1)
        for _ in range(2):
            agent.finish_cycle()
    assert stack.archived("alpha", stamp).exists()  # the other plugin was not held up
    assert _states(stack, [stamp]) == {"Complete"}
    assert len(stack.rows("SELECT 1 FROM PilotLogChunks")) == 1


@pytest.mark.parametrize(
    ("fails", "says"),
    [("plainly", "The recording tape is full."), ("badly", "ZeroDivisionError: nobody thought of this")],
)
def test_a_failure_is_visible_and_tried_again_after_a_pause(
    stack: RunningStack, tape: Tape, fails: str, says: str
) -> None:
    (stamp,) = _send(stack)
    tape.fail(fails)
    with stack.cycling_agent(tape.options()) as agent:
        until(lambda: [row["Attempts"] for row in _deliveries(stack)] == [1])
        until(lambda: says in agent.said and stamp in agent.said, what="it is said")
        (delivery,) = _deliveries(stack)
        assert (delivery["State"], delivery["Owner"]) == ("Pending", None)
        assert says in delivery["LastError"]
        tape.fail("")
        with stack.database() as connection:  # it has a pause, which is to last as long as this test looks
            longer = "UPDATE PilotLogDeliveries SET NextAttempt = datetime('now', '+1 hour') WHERE NextAttempt > "
            assert connection.execute(longer + "datetime('now')").rowcount == 1
        agent.finish_cycle()
        assert tape.stamps("begin") == [stamp]  # its pause is not over
        with stack.database() as connection:
            connection.execute("UPDATE PilotLogDeliveries SET NextAttempt = datetime('now', '-1 second')")
        until(lambda: tape.stamps("stored") == [stamp])
    (delivery,) = _deliveries(stack)
    assert (delivery["State"], delivery["Attempts"], delivery["LastError"]) == ("Delivered", 0, "")


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ({f"{BETA}/LoggingPlugins": "Nothing"}, f"{BETA}/LoggingPlugins names Nothing"),
        ({f"{BETA}/SilentAfter": "soon"}, f"{BETA}/SilentAfter = 'soon' is not accepted"),
        ({f"{BETA}/LocalDirectory/Pfad": "/tmp"}, f"{BETA}/LocalDirectory/Pfad is not an option"),
    ],
)
def test_a_vo_with_wrong_options_holds_up_no_other(stack: RunningStack, mistake: dict[str, str], sentence: str) -> None:
    good, bad = _send(stack), _send(stack, vo="beta")
    agent = stack.run_agent(options=mistake)
    assert stack.archived("alpha", good[0]).exists()
    assert sentence in agent.said
    assert _states(stack, bad) == {"Complete"}


@pytest.mark.parametrize("plugin", ["Nothing", "MessageQueue"])
def test_a_plugin_with_a_mistake_holds_up_no_other(stack: RunningStack, plugin: str) -> None:
    """Neither one that there is not, nor a stream without a queue; and what is wrong stands where people look."""
    (stamp,) = _send(stack)
    agent = stack.run_agent(options={"/Operations/alpha/Pilot/LoggingPlugins": f"LocalDirectory, {plugin}"})
    assert stack.archived("alpha", stamp).exists()
    assert _states(stack, [stamp]) == {"Complete"}
    errors = {row["Plugin"]: row["LastError"] for row in _deliveries(stack)}
    assert errors["LocalDirectory"] == ""
    assert "/Operations/alpha/Pilot/" in errors[plugin]
    assert "Traceback" not in agent.said


def test_a_slow_vo_holds_up_no_other(stack: RunningStack, tape: Tape) -> None:
    slow, quick = _send(stack), _send(stack, vo="beta")
    agent = stack.start_agent(0, tape.options(Takes="60s"))
    until(lambda: tape.journal("begin"))
    until(lambda: stack.archived("beta", quick[0]).exists())
    later = _send(stack, vo="beta")
    until(lambda: stack.archived("beta", later[0]).exists(), what="a later cycle serves VO beta")
    assert tape.stamps("begin") == slow
    agent.end()


def test_with_one_place_all_vos_have_their_turn_in_one_cycle(stack: RunningStack) -> None:
    stamps = {vo: _send(stack, vo=vo) for vo in ("alpha", "beta")}
    stack.run_agent(options={f"{AGENT}/MaxWorkers": 1})
    for vo, (stamp,) in stamps.items():
        assert stack.archived(vo, stamp).exists()


def test_two_agents_share_the_work_and_do_none_of_it_twice(stack: RunningStack, tape: Tape) -> None:
    agents = [stack.start_agent(0, tape.options(Takes="0.25s"), home=f"agent-{name}") for name in ("a", "b")]
    for agent in agents:  # both must be there when there is something to do
        agent.finish_cycle()
    stamps = _send(stack, 40)
    until(lambda: len(tape.journal("stored")) >= len(stamps))
    until(lambda: _states(stack, stamps) == {"Archived"})
    for agent in agents:
        agent.send(signal.SIGTERM)
    for agent in agents:
        assert agent.wait() == 0
    assert sorted(tape.stamps("begin")) == sorted(stamps)
    assert sorted(tape.stamps("stored")) == sorted(stamps)
    assert len(tape.processes()) >= 2, "one of the agents did it all"


def _in_the_middle(stack: RunningStack, tape: Tape, takes: str) -> tuple[Program, list[str], int]:
    """An agent in the middle of its first delivery of three, and the process that delivers."""
    stamps = _send(stack, 3)
    agent = stack.start_agent(0, tape.options(Takes=takes))
    until(lambda: tape.journal("begin"))
    (worker,) = tape.processes()
    return agent, stamps, worker


def _archived_once(stack: RunningStack, tape: Tape, stamps: list[str]) -> None:
    """Each of the logs has been stored whole, one time, and nobody has anything in hand."""
    assert sorted(tape.stamps("stored")) == sorted(stamps)
    assert {stamp: (tape.folder / stamp).read_text() for stamp in stamps} == {s: f"text of {s} €\n" for s in stamps}
    assert _states(stack, stamps) == {"Archived"}
    assert [(row["State"], row["Owner"]) for row in _deliveries(stack)] == [("Delivered", None)] * len(stamps)


def test_as_many_transfers_of_a_vo_as_it_wants_run_at_once_and_none_twice(stack: RunningStack, tape: Tape) -> None:
    """Nothing leaves the archive before eight are in at the same time."""
    stamps = _send(stack, 30)
    stack.run_agent_until(lambda: _states(stack, stamps) == {"Archived"}, tape.options(Transfers=8, Gathers=8))
    _archived_once(stack, tape, stamps)
    assert sorted(tape.stamps("begin")) == sorted(stamps)
    assert tape.stamps("stored") != [], "the journal is read"
    assert len(tape.processes()) == 8
    assert not any(map(_is_running, tape.processes()))


def test_kill_9_of_one_carrier_costs_its_own_log_a_pause_and_of_all_a_lease(stack: RunningStack, tape: Tape) -> None:
    stamps = _send(stack, 20)
    agent = stack.start_agent(0, tape.options(Transfers=4, Gathers=1000))
    until(lambda: len(tape.journal("begin")) == 4)
    # The library of one transfer crashes: the others go on.
    _, unlucky, pid, _ = tape.journal("begin")[0]
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: any(row["Attempts"] for row in _deliveries(stack)))
    (failed,) = [row for row in _deliveries(stack) if row["Attempts"]]
    assert (failed["Owner"], failed["LastError"]) == (None, "The process that carried it ended with exit code -9.")
    (tape.folder / "open").touch()
    until(lambda: sorted(tape.stamps("stored")) == sorted(set(stamps) - {unlucky}))
    until(lambda: not any(map(_is_running, tape.processes())), what="the round ends")
    # All at once, in the middle of four more: what they had is taken over when the lease is over.
    (tape.folder / "open").unlink()
    more = _send(stack, 10)
    until(lambda: len(tape.journal("begin")) == 20 + 4)
    carriers = {int(pid) for _, _, pid, _ in tape.journal("begin")[-4:]}
    worker = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in carriers}
    agent.process.kill()
    for pid in worker:
        os.kill(pid, signal.SIGKILL)
    agent.wait()
    until(lambda: not any(map(_is_running, carriers)), what="no carrier survives the process whose work it does")
    (tape.folder / "open").touch()
    with stack.database() as connection:
        assert connection.execute("SELECT COUNT(*) FROM PilotLogDeliveries WHERE Owner <> ''").fetchone()[0] == 4
        connection.execute("UPDATE PilotLogDeliveries SET LeaseUntil = datetime('now', '-1 second') WHERE Owner <> ''")
        connection.execute("UPDATE PilotLogDeliveries SET NextAttempt = datetime('now', '-1 second')")
    everything = stamps + more
    options = tape.options(Transfers=4)
    stack.run_agent_until(lambda: _states(stack, everything) == {"Archived"}, options, home="another-agent")
    _archived_once(stack, tape, everything)


def test_sigterm_lets_a_short_delivery_end_and_begins_no_other(stack: RunningStack, tape: Tape) -> None:
    agent, stamps, worker = _in_the_middle(stack, tape, "4s")
    begun = len(tape.stamps("begin"))
    agent.send(signal.SIGTERM)
    assert agent.wait() == 0
    assert not _is_running(worker)
    assert tape.stamps("begin") == tape.stamps("stored")
    assert len(tape.stamps("begin")) == begun < len(stamps)
    assert [(row["State"], row["Owner"]) for row in _deliveries(stack)] == [("Delivered", None)] * begun
    assert _states(stack, tape.stamps("stored")) == {"Archived"}
    assert _states(stack, sorted(set(stamps) - set(tape.stamps("stored")))) == {"Complete"}


def test_sigterm_in_the_middle_of_a_long_delivery_ends_it_and_gives_it_back(stack: RunningStack, tape: Tape) -> None:
    agent, stamps, worker = _in_the_middle(stack, tape, "300s")
    agent.send(signal.SIGTERM)
    assert agent.wait() == 0
    assert not _is_running(worker)
    assert _own_folders("test-agent", stack) == []
    (delivery,) = _deliveries(stack)
    assert (delivery["State"], delivery["Owner"], delivery["LeaseUntil"]) == ("Pending", None, None)
    assert delivery["Attempts"] == 0
    stack.run_agent(options=tape.options())
    assert sorted(tape.stamps("stored")) == sorted(stamps)


def test_kill_9_of_the_agent_ends_its_worker_after_the_delivery_at_hand(stack: RunningStack, tape: Tape) -> None:
    agent, stamps, worker = _in_the_middle(stack, tape, "4s")
    begun = len(tape.stamps("begin"))
    agent.process.kill()
    agent.wait()
    until(lambda: not _is_running(worker), what="the worker without a parent ends")
    assert len(tape.stamps("begin")) == begun < len(stamps)
    assert [(row["State"], row["Owner"]) for row in _deliveries(stack)] == [("Delivered", None)] * begun
    assert tape.stamps("stored")[0] in stamps


def test_kill_9_of_all_leaves_a_lease_that_runs_out(stack: RunningStack, tape: Tape) -> None:
    """As when the host of the agent loses its power: nobody gives anything back."""
    agent, stamps, worker = _in_the_middle(stack, tape, "300s")
    agent.process.kill()
    os.kill(worker, signal.SIGKILL)
    agent.wait()
    (in_hand,) = tape.stamps("begin")
    others = sorted(set(stamps) - {in_hand})
    with stack.cycling_agent(tape.options(), home="another-agent") as another:
        until(lambda: sorted(tape.stamps("stored")) == others)
        another.finish_cycle()
        assert sorted(tape.stamps("stored")) == others  # its lease still holds
        with stack.database() as connection:
            connection.execute(
                "UPDATE PilotLogDeliveries SET LeaseUntil = datetime('now', '-1 second') WHERE Owner <> ''"
            )
        until(lambda: sorted(tape.stamps("stored")) == sorted(stamps))
    assert sorted(tape.stamps("begin")) == sorted([*stamps, in_hand])


def test_a_line_that_comes_during_its_delivery_is_not_lost(stack: RunningStack, tape: Tape) -> None:
    (stamp,) = _send(stack)
    agent = stack.start_agent(0, tape.options(Takes="2s"))
    until(lambda: tape.journal("begin"))
    assert stack.client("alpha_pilot")("appendLog", batch(stamp, 2, "late\n"))["OK"]
    whole = f"text of {stamp} €\nlate\n"
    until(lambda: len(tape.journal("stored")) == 2, 30)
    assert (tape.folder / stamp).read_text() == whole
    until(lambda: _states(stack, [stamp]) == {"Archived"})
    agent.end()
