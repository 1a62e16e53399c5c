# SPDX-License-Identifier: GPL-3.0-only
"""Paths that there are not are refused before their body has come.

DIRAC's handler for them gathers the whole body in memory first. Seen with DIRAC 9.1.22; a handler there that answers in
``prepare()`` would make this unnecessary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado.web import stream_request_body


def refuse_unknown_paths_early(answer_early: Callable[[Any], None]) -> None:
    """Let DIRAC's handler for paths that there are not answer before it has gathered the body in memory.

    Args:
        answer_early: Prepares a request's connection for an answer before its body has been read.
    """
    # Only tornado-start-all has it; importing it elsewhere would configure Tornado's streams.
    from DIRAC.Core.Tornado.Server import TornadoServer

    class NotFoundHandler(TornadoServer.NotFoundHandler):  # type: ignore[misc]
        def prepare(self) -> None:
            answer_early(self.request)
            self.set_header("Connection", "close")
            super().prepare()

        def data_received(self, chunk: bytes) -> None:
            pass

    TornadoServer.NotFoundHandler = stream_request_body(NotFoundHandler)
