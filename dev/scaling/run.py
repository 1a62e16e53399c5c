# SPDX-License-Identifier: GPL-3.0-only
"""One trial: the phases, and what is measured in each."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from parts import faults, lifecycle, state
from parts.failure import Failure
from parts.waiting import until

from . import database
from .loadclient import LoadClient, Measured, build, total
from .usage import Usage

PHASES = ("ramp", "steady", "outage", "storm", "killed", "ends")
LINES = 50
"""Of a block: 5 kB."""
_A_CLIENT = 15_000
"""Pilots of one client, which may have as many files as a collector."""
_PILOTS_AN_ADDRESS = 50
_PROXIES = {"alpha": "alpha_pilot", "beta": "beta_pilot"}
_DEAD = 10.0
"""Seconds until a killed collector is started again, or less where the outage was shorter."""
_ENDS = 0.5
"""Which share of the pilots ends."""
_ENDS_WITHIN = 30.0
"""Or one period."""


@dataclass(frozen=True)
class Load:
    """What is asked for; times in seconds.

    Attributes:
        stock: which share of the pilots are stock ones
        ramp: within which all pilots begin
        period: between two blocks of 5 kB of one pilot
        patience: that a phase may take to settle
    """

    pilots: int
    stock: float
    collectors: int
    database: str
    ramp: float
    steady: float
    outage: float
    period: float
    patience: float


@dataclass
class Result:
    """What came of it; times in seconds."""

    measured: Measured = field(default_factory=Measured)
    lasted: dict[str, float] = field(default_factory=dict)
    cpu: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
    connections: int = 0
    storm_drained: float | None = None
    not_sent: int = 0
    database_bytes: int = 0
    waiting_for_delivery: int = 0


class Trial:
    """A stack, the clients, and the course of events."""

    def __init__(self, folder: Path, load: Load) -> None:
        self._folder, self._load = folder, load
        self._clients: list[LoadClient] = []
        self.results: list[Path] = []
        self.stack: state.Stack

    def run(self) -> Result:
        """Run all phases.

        Raises:
            Failure: a collector or a client was gone that should not be
        """
        program, load = build(), self._load
        connections = f"MaxConnections={load.pilots // load.collectors * 2 + 1000}"
        directory = self._folder / "stack"
        service = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
        plan = state.Plan(
            collectors=load.collectors, database=load.database, agent=True, options=(f"{service}/{connections}",)
        )
        lifecycle.up(directory, plan)
        self.stack = state.load(directory)
        result = Result()
        usage = Usage(self._pids)
        try:
            self._start_clients(program)
            usage.start()
            self._phases(result, usage)
            for client in self._clients:
                result.measured.add(client.finish())
            usage.stop()
        finally:
            for client in self._clients:
                client.kill()
        result.cpu, result.memory = usage.cpu, usage.memory
        result.database_bytes = database.size(self.stack)
        result.waiting_for_delivery = database.waiting_for_delivery(self.stack)
        return result

    def _start_clients(self, program: Path) -> None:
        load, layout = self._load, self.stack.layout
        number = -(-load.pilots // _A_CLIENT)
        run = secrets.token_hex(4)
        for index in range(number):
            first, after = (load.pilots * edge // number for edge in (index, index + 1))
            results = self._folder / f"results-{index}"
            self.results.append(results)
            plan = {
                "URLs": self.stack.collector_urls,
                "Authority": str(layout.authority),
                "Proxies": [str(layout.credentials / f"{name}.pem") for name in _PROXIES.values()],
                "VOs": list(_PROXIES),
                "First": first,
                "Pilots": after - first,
                "Stock": load.stock,
                "Ramp": load.ramp,
                "Period": load.period,
                "Lines": LINES,
                "Sources": max(1, load.pilots // _PILOTS_AN_ADDRESS),
                "Run": run,
                "Results": str(results),
            }
            self._clients.append(LoadClient(program, plan, self._folder / f"client-{index}.err"))

    def _phases(self, result: Result, usage: Usage) -> None:
        load = self._load
        with self._phase("ramp", result, usage):
            time.sleep(load.ramp)
            self._settle("the pilots begin", lambda: total(self._clients, "Begun") == load.pilots)
        with self._phase("steady", result, usage):
            time.sleep(load.steady)
            result.connections = total(self._clients, "Connected")
        with self._phase("outage", result, usage):
            for collector in self.stack.collectors:
                self._change(collector, "stop")
            time.sleep(load.outage)
        with self._phase("storm", result, usage):
            for collector in self.stack.collectors:
                self._change(collector, "start")
            begun = time.monotonic()
            with suppress(Failure):
                self._settle("the storm drains", lambda: not total(self._clients, "Behind"))
                result.storm_drained = time.monotonic() - begun
        with self._phase("killed", result, usage):
            self._change("collector-0", "kill")
            time.sleep(min(_DEAD, load.outage))
            self._change("collector-0", "start")
            with suppress(Failure):
                self._settle("the others take its pilots", lambda: not total(self._clients, "Behind"))
        with self._phase("ends", result, usage):
            within = min(_ENDS_WITHIN, load.period)
            self._tell(f"end {_ENDS} {within}")
            time.sleep(within)
            self._tell("stop")
            with suppress(Failure):
                self._settle("all is sent", lambda: all(client.status.get("Done") for client in self._clients))
        result.not_sent = total(self._clients, "Written") - total(self._clients, "Acked")

    @contextmanager
    def _phase(self, name: str, result: Result, usage: Usage) -> Iterator[None]:
        """Around what happens in a phase."""
        begun = time.monotonic()
        usage.enter(name)
        self._tell(f"phase {name}")
        try:
            yield
        finally:
            result.lasted[name] = time.monotonic() - begun
            names = ("Begun", "Connected", "Written", "Acked", "Behind")
            told = ", ".join(f"{total(self._clients, figure):,} {figure.lower()}" for figure in names)
            print(f"scale: {name} {result.lasted[name]:.0f} s: {told}", flush=True)

    def _tell(self, command: str) -> None:
        for client in self._clients:
            client.tell(command)

    def _change(self, component: str, action: str) -> None:
        faults.change(self.stack, component, action)

    def _settle(self, what: str, condition: Callable[[], object]) -> None:
        time.sleep(2)  # until each client has told of what has just happened

        def settled() -> object:
            for client in self._clients:
                client.check()
            return condition()

        until(settled, self._load.patience, f"not within {self._load.patience:g} s: {what}")

    def _pids(self) -> Mapping[str, int]:
        own = {f"client-{index}": client.process.pid for index, client in enumerate(self._clients)}
        return own | {name: process.pid for name, process in list(self.stack.processes.items())}
