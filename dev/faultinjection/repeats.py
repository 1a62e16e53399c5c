# SPDX-License-Identifier: GPL-3.0-only
"""How many repeated messages the collectors have recognised: each counts from its start, and some are killed."""

import contextlib
import threading

from parts.calls import Connection, Refused, tls_context
from parts.state import Stack

_EVERY_SECONDS = 3.0
_PATIENCE = 2.0


class RepeatCounter:
    """Asks ``getStatistics`` now and then, for as long as the block runs."""

    def __init__(self, stack: Stack) -> None:
        self._context = tls_context(stack.layout.certificates, stack.layout.credentials / "operator.pem")
        self._urls = stack.collector_urls
        self._last = dict.fromkeys(self._urls, 0)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.total = 0

    def __enter__(self) -> "RepeatCounter":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            for url in self._urls:
                with contextlib.suppress(Refused, OSError, KeyError, TypeError):
                    with Connection(url, self._context, _PATIENCE) as connection:
                        now = int(connection.ask("getStatistics")["repeated"])
                    self.total += now - self._last[url] if now >= self._last[url] else now
                    self._last[url] = now
