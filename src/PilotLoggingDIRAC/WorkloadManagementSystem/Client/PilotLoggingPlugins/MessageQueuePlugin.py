# SPDX-License-Identifier: GPL-3.0-only
"""Logs to a message broker while pilots write, see ``docs/queue.md``."""

from __future__ import annotations

from collections.abc import Iterator

from PilotLoggingDIRAC.deliver.contract import Acknowledgements, Chunk, StreamPlugin
from PilotLoggingDIRAC.deliver.queue.encoder import SMALLEST_BODY
from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
from PilotLoggingDIRAC.deliver.queue.settings import MessageQueueSettings
from PilotLoggingDIRAC.errors import ConfigurationError
from PilotLoggingDIRAC.storage.message_queues import access_to


class MessageQueuePlugin(StreamPlugin[MessageQueueSettings]):
    """Sends each chunk of a log as one persistent message; it is confirmed when the broker's receipt has come."""

    Settings = MessageQueueSettings

    def __init__(self, vo: str, settings: MessageQueueSettings) -> None:
        super().__init__(vo, settings)
        section = f"/Operations/{vo}/Pilot/MessageQueue"
        if settings.window < 1:
            raise ConfigurationError(f"{section}/Window", "= 0 is not accepted: give 1 or more.")
        if settings.max_body_size < SMALLEST_BODY:
            raise ConfigurationError(
                f"{section}/MaxBodySize", f"= {settings.max_body_size} is not accepted: give {SMALLEST_BODY} or more."
            )
        access = access_to(settings.destination, f"{section}/Destination")
        limits = Limits(settings.window, settings.max_body_size, settings.connect_timeout, settings.confirm_timeout)
        self._publisher = Publisher(access, limits)

    def send(self, chunks: Iterator[Chunk], acknowledgements: Acknowledgements) -> None:
        self._publisher.publish(chunks, acknowledgements)

    def close(self) -> None:
        self._publisher.close()

    def probe(self) -> str:
        return f"It logged in to {self._publisher.connection().name}; nothing was sent."
