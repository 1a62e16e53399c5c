# SPDX-License-Identifier: GPL-3.0-only
"""The real agent carries the logs away, and the collector is asked how far it is."""

import time
from dataclasses import dataclass
from typing import Any

from parts import agent
from parts.calls import Connection, tls_context
from parts.failure import Failure
from parts.layout import Layout

_PATIENCE = 180.0
_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Collector:
    """The collector, as an operator sees it."""

    url: str
    layout: Layout

    def logs(self) -> dict[str, dict[str, Any]]:
        """All logs that it knows, by stamp."""
        context = tls_context(self.layout.certificates, self.layout.credentials / "operator.pem")
        with Connection(self.url, context) as connection:
            return {row["Stamp"]: row for row in connection.ask("listLogs", {}, [], 0, 1000)["rows"]}


def deliver_all(collector: Collector, logs: int) -> dict[str, dict[str, Any]]:
    """Run the agent until every log is archived; gives the rows of all.

    Raises:
        Failure: that takes too long, or the agent fails
    """
    output, remarks = collector.layout.log(agent.BESIDE), []
    with agent.beside(collector.layout, remarks.append) as process:
        deadline = time.monotonic() + _PATIENCE
        while True:
            rows = collector.logs()
            waiting = [row for row in rows.values() if row["State"] != "Archived"]
            if len(rows) == logs and not waiting:
                break
            if process.poll() is not None:
                raise Failure(f"the agent ended with code {process.returncode}: {_tail(output.read_text())}")
            if time.monotonic() > deadline:
                states = ", ".join(sorted({row["State"] for row in waiting}))
                raise Failure(f"{len(waiting)} of {len(rows)} logs are not delivered ({states}); see {output}")
            time.sleep(_LOOK_SECONDS)
    if remarks:
        raise Failure(f"{remarks[0]}: {_tail(output.read_text())}")
    return rows


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-10:])
