"""All that is due for one VO: each plugin on its own, so that a slow one holds up no other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from ..errors import Unavailable
from ..store import deliveries
from ..store.engine import Database
from .delivery import Courier

_AT_ONCE = 50


def deliver_due(courier: Courier, vo: str, stopping: Callable[[], bool]) -> Counter[str]:
    """Deliver all logs of a VO that are due, each plugin in a thread of its own.

    Args:
        courier: For this VO, with its plugins.
        vo: The VO.
        stopping: Asked before each log; True ends the work.

    Returns:
        How many logs were ``delivered`` and how many ``failed``.

    Raises:
        Unavailable: The database is away.
    """
    figures: Counter[str] = Counter()
    failures: list[Unavailable] = []
    lock = threading.Lock()

    def serve(plugin: str) -> None:
        try:
            for log_id in _due(courier.database, vo, plugin, stopping):
                done = courier.deliver(log_id, plugin)
                if done is not None:
                    with lock:
                        figures["delivered" if done else "failed"] += 1
        except Unavailable as error:
            with lock:
                failures.append(error)

    threads = [threading.Thread(target=serve, args=(name,), name=f"deliver-{name}") for name in courier.plugins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return figures


def _due(database: Database, vo: str, plugin: str, stopping: Callable[[], bool]):  # type: ignore[no-untyped-def]
    tried: set[int] = set()
    while not stopping():
        with database.reading() as connection:
            found = deliveries.due(connection, vo, plugin, database.now(connection), _AT_ONCE + len(tried))
        fresh = [log_id for log_id in found if log_id not in tried]
        if not fresh:
            return
        for log_id in fresh:
            if stopping():
                return
            tried.add(log_id)
            yield log_id
