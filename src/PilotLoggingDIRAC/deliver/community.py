"""All that is due for one VO: each plugin on its own, so that a slow one holds up no other."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator

from ..errors import PilotLoggingError, Unavailable
from ..store import deliveries
from .delivery import Courier

_AT_ONCE = 50
_log = logging.getLogger(__name__)


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
    failures: list[PilotLoggingError] = []
    lock = threading.Lock()

    def serve(plugin: str) -> None:
        try:
            for done in _outcomes(courier, vo, plugin, stopping):
                with lock:
                    figures["delivered" if done else "failed"] += 1
        except PilotLoggingError as error:
            with lock:
                failures.append(error)
        except Exception as error:
            _log.exception("The deliveries of VO %s to %s ended unexpectedly", vo, plugin)
            with lock:
                failures.append(Unavailable(f"{plugin} ended unexpectedly: {type(error).__name__}: {error}."))

    threads = [threading.Thread(target=serve, args=(name,), name=f"deliver-{name}") for name in courier.plugins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return figures


def _outcomes(courier: Courier, vo: str, plugin: str, stopping: Callable[[], bool]) -> Iterator[bool]:
    """Deliver each log once that is due; for each that was ours to do, whether it worked."""
    tried: set[int] = set()
    still_due = 0
    while True:
        with courier.database.reading() as connection:
            now = courier.database.now(connection)
            found = deliveries.due(connection, vo, plugin, now, _AT_ONCE + still_due)
        fresh = [log_id for log_id in found if log_id not in tried]
        if not fresh:
            return
        for log_id in fresh:
            if stopping():
                return
            tried.add(log_id)
            done = courier.deliver(log_id, plugin)
            if done is not None:
                yield done
            if not done:
                still_due += 1
