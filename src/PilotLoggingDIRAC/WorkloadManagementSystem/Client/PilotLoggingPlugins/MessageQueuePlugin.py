"""Logs to a message broker while pilots write, see ``docs/queue.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PilotLoggingDIRAC.deliver.contract import Outcome, Piece, StreamPlugin
from PilotLoggingDIRAC.deliver.queue.message import SMALLEST_BODY
from PilotLoggingDIRAC.deliver.queue.settings import MessageQueueSettings
from PilotLoggingDIRAC.dirac_bridge.message_queues import access_to
from PilotLoggingDIRAC.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from PilotLoggingDIRAC.deliver.queue.publisher import Publisher


class MessageQueuePlugin(StreamPlugin[MessageQueueSettings]):
    """Sends each piece of a log as one persistent message; it is confirmed when the broker's receipt has come."""

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
        self._access = access_to(settings.destination, f"{section}/Destination")
        self._publisher: Publisher | None = None

    def send(self, pieces: Iterator[Piece], outcome: Outcome) -> None:
        if self._publisher is None:
            self._publisher = self._new_publisher()
        self._publisher.publish(pieces, outcome)

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()

    def _new_publisher(self) -> Publisher:
        # Not above: who only reads logs, such as a collector, needs no stomp.py.
        try:
            from PilotLoggingDIRAC.deliver.queue.publisher import Limits, Publisher
        except ImportError as error:
            raise Unavailable(
                f"There is no stomp.py on this host ({error}): pip install 'PilotLoggingDIRAC[queue]'."
            ) from error
        settings = self.settings
        limits = Limits(settings.window, settings.max_body_size, settings.connect_timeout, settings.confirm_timeout)
        return Publisher(self._access, limits)
