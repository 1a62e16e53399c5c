# SPDX-License-Identifier: GPL-3.0-only
"""One measurement: a load on one collector, what it cost, and whether all that was acknowledged is really there."""

import multiprocessing
import re
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Self

import psutil
from parts.calls import Connection, tls_context
from parts.failure import Failure
from parts.state import Stack

from .client import Load, Sent, send

_VO = "alpha"
_NUMBERED = re.compile(r"^.* message ([0-9]{8})$", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """What one measurement gave. Times are milliseconds.

    Attributes:
        rate: acknowledged requests a second
        server_cpu: of all the collector's threads, for one request
        client_cpu: of the client, for one request
    """

    requests: int
    rate: float
    p50: float
    p99: float
    server_cpu: float
    client_cpu: float


class Client:
    """The processes that make the load. As a context manager they end with it."""

    def __init__(self, processes: int, pilots: int) -> None:
        """Args:
        pilots: so many send at once, shared out among the processes
        """
        self._processes, self._pilots = processes, pilots
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def measure(
        self, stack: Stack, keep_alive: bool, seconds: float, rate: float = 0.0, batches: bool = False
    ) -> Measured:
        """Load the first collector of a stack, then check what it has stored.

        Args:
            rate: messages a second; 0 for as many as are answered
            batches: as our own module sends them, gzip'd, 60 kB each

        Raises:
            Failure: a request failed, or acknowledged text is missing, changed or there twice
        """
        collector = stack.processes[stack.collectors[0]]
        load = Load(
            url=stack.collector_urls[0],
            proxy=str(stack.layout.credentials / f"{_VO}_pilot.pem"),
            authorities=str(stack.layout.certificates),
            vo=_VO,
            keep_alive=keep_alive,
            pilots=self._pilots // self._processes,
            seconds=seconds,
            rate=rate / self._processes,
            batches=batches,
        )
        before = _cpu(collector.pid)
        parts = list(self._pool.map(send, [load] * self._processes))
        server_cpu = _cpu(collector.pid) - before
        for part in parts:
            if part.failure:
                raise Failure(f"{load.url}: {part.failure}; its log is {collector.log}")
            _verify(stack, part.acknowledged)
        return _measured(parts, server_cpu)


def _measured(parts: Sequence[Sent], server_cpu: float) -> Measured:
    requests = sum(part.messages for part in parts)
    if not requests:
        raise Failure("no request was answered in time: give it more seconds")
    latencies = sorted(latency for part in parts for latency in part.latencies)
    return Measured(
        requests=requests,
        rate=requests / max(part.seconds for part in parts),
        p50=1000 * statistics.median(latencies),
        p99=1000 * latencies[int(0.99 * (len(latencies) - 1))],
        server_cpu=1000 * server_cpu / requests,
        client_cpu=1000 * sum(part.cpu for part in parts) / requests,
    )


def _verify(stack: Stack, acknowledged: Mapping[str, Sequence[int]]) -> None:
    context = tls_context(stack.layout.certificates, stack.layout.credentials / "operator.pem")
    for stamp, numbers in acknowledged.items():
        if not numbers:
            continue
        with Connection(stack.collector_urls[0], context) as reader:
            answer = reader.ask("getLogs", stamp, _VO)
        stored = [int(number) for number in _NUMBERED.findall(answer["StdOut"])]
        if stored != list(numbers):
            missing, more = len(set(numbers) - set(stored)), len(stored) - len(set(stored) & set(numbers))
            raise Failure(
                f"log {stamp}: {len(numbers)} messages were acknowledged, {missing} of them are not stored, "
                f"{more} are there twice or were not acknowledged"
            )


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, all its threads together."""
    used = psutil.Process(pid).cpu_times()
    return used.user + used.system
