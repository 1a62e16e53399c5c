# SPDX-License-Identifier: GPL-3.0-only
"""What a stack is made of and what of it runs, kept in DIR/stack.json."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .failure import Failure
from .identities import HOST
from .layout import Layout
from .processes import Process

SERVICE = "WorkloadManagement/TornadoPilotLogging"
BALANCER = "balancer"


@dataclass(frozen=True)
class Plan:
    """What ``dev/stack up`` was asked for.

    Attributes:
        collectors: how many collector processes
        database: of PilotLogDB: sqlite or mariadb
        grid: with CS, catalogue, storage elements and what they need
        agent: with a PilotLoggingAgent in the background
        balancer: with HAProxy in front of the collectors
        brokers: activemq, rabbitmq
        portal: with WebAppDIRAC and the services that its PilotMonitor asks
        stock: with DIRAC's own handler in place of ours
        ecdsa: the host's key is no RSA key
        options: ``/Path/To/Option=value``, over everything written by default
    """

    collectors: int = 1
    database: str = "sqlite"
    grid: bool = False
    agent: bool = False
    balancer: bool = False
    brokers: tuple[str, ...] = ()
    portal: bool = False
    stock: bool = False
    ecdsa: bool = False
    options: tuple[str, ...] = ()

    @property
    def needs_mariadb(self) -> bool:
        return self.grid or self.portal or self.database == "mariadb"


@dataclass
class Stack:
    """One stack.

    Attributes:
        ports: by component
        hidden_ports: those that a component has besides
        passwords: by user of the database or the brokers; for this stack only
        sockets: a short directory for Unix sockets, whose paths the kernel limits to 107 bytes; made when needed
        processes: by component; a collector that was stopped on purpose is missing
    """

    layout: Layout
    plan: Plan
    ports: dict[str, int] = field(default_factory=dict)
    hidden_ports: dict[str, int] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    sockets: str | None = None
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Tells this stack's processes from all others, see processes.MARK."""
        return str(self.layout.root)

    def url(self, component: str, service: str) -> str:
        return f"https://{HOST}:{self.ports[component]}/{service}"

    @property
    def collectors(self) -> list[str]:
        """The names of the collectors, in order."""
        return [f"collector-{number}" for number in range(self.plan.collectors)]

    @property
    def components(self) -> list[str]:
        """All that runs while this stack is up."""
        return [*self.ports, "agent"] if self.plan.agent else list(self.ports)

    @property
    def collector_urls(self) -> list[str]:
        return [self.url(collector, SERVICE) for collector in self.collectors]

    @property
    def pilots_url(self) -> str:
        """Where pilots are told to send to."""
        return self.url(BALANCER, SERVICE) if self.plan.balancer else self.collector_urls[0]

    def add(self, process: Process) -> None:
        """Note a process at once, so that it is ended whatever happens next."""
        self.processes[process.name] = process
        self.save()

    def save(self) -> None:
        """Write stack.json, whole or not at all."""
        content = asdict(self)
        del content["layout"]
        new = self.layout.state.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(content, indent=2))
        new.replace(self.layout.state)


def load(directory: Path) -> Stack:
    """Read the state of the stack in a directory.

    Raises:
        Failure: there is none
    """
    layout = Layout(directory.resolve())
    try:
        content = json.loads(layout.state.read_text())
    except FileNotFoundError as error:
        raise Failure(f"there is no stack in {directory}: it has no {layout.state.name}") from error
    plan = content.pop("plan")
    processes = {name: Process(**process) for name, process in content.pop("processes").items()}
    tuples = {name: tuple(plan[name]) for name in ("brokers", "options")}
    return Stack(layout, Plan(**plan | tuples), processes=processes, **content)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Let one command at a time change a stack."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
