"""The threads of a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Workers:
    """Threads that end when the server's sockets are shut."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait until all have ended."""
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), f"a thread hangs in {thread}"
