# SPDX-License-Identifier: GPL-3.0-only
"""The options of a broker and of what is sent to it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ...settings import Bytes, Number, Seconds, Settings

_BROKER = re.compile(r"(?P<host>[^\s,:\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_TLS_VERSIONS = ("TLSv1", "TLSv1.2", "TLSv1.3")


def _brokers(value: Any) -> tuple[tuple[str, int | None], ...]:
    found = []
    for part in value.split(",") if isinstance(value, str) else value:
        matched = _BROKER.fullmatch(part.strip())
        if matched is None:
            raise ValueError(
                "a host's name such as broker.example.org, or several, with or without a port: a:61613, b:61613"
            )
        found.append((matched["host"].strip("[]"), int(matched["port"]) if matched["port"] else None))
    return tuple(found)


def _stomp(value: Any) -> str:
    if str(value).lower() != "stomp":
        raise ValueError("Stomp")
    return "Stomp"


def _tls_version(value: Any) -> str:
    if value not in ("", *_TLS_VERSIONS):
        raise ValueError(f"{', '.join(_TLS_VERSIONS)}, or nothing for connections without TLS")
    return str(value)


class BrokerSettings(Settings):
    """``/Resources/MQServices/<service>``, as DIRAC has it."""

    mq_type: Annotated[str, BeforeValidator(_stomp)] = Field("Stomp", alias="MQType")
    """The protocol."""

    host: Annotated[tuple[tuple[str, int | None], ...], BeforeValidator(_brokers)] = Field(alias="Host")
    """The brokers of one service, each with or without a port. All addresses of a name are tried."""

    port: Number = Field(61613, alias="Port")
    """Of those that are named without one."""

    vhost: str = Field("/", alias="VHost")
    """RabbitMQ's virtual host."""

    user: str = Field("", alias="User")
    """Empty where the certificate says who we are."""

    password: str = Field("", alias="Password", repr=False)
    """Only from the service host's own files."""

    ssl_version: Annotated[str, BeforeValidator(_tls_version)] = Field("", alias="SSLVersion")
    """Any of them means TLS 1.2 or later; empty: no TLS."""

    host_certificate: str = Field("", alias="HostCertificate")
    """Full path; empty: the host's own."""

    host_key: str = Field("", alias="HostKey")
    """Full path; empty: the host's own."""

    ca_location: str = Field("", alias="CALocation")
    """Directory or file of the CAs by which the broker is known; empty: those of DIRAC."""


class MessageQueueSettings(Settings):
    """``/Operations/<VO or Defaults>/Pilot/MessageQueue``"""

    destination: str = Field(alias="Destination")
    """``<service>::Queues::<name>`` or ``<service>::Topics::<name>``: service and name are in /Resources/MQServices."""

    window: Number = Field(200, alias="Window")
    """Messages that are on the way at one time, sent and not confirmed."""

    max_body_size: Bytes = Field(10**6, alias="MaxBodySize")
    """The largest body of a message, in bytes; text that needs more goes in several."""

    connect_timeout: Seconds = Field(10.0, alias="ConnectTimeout")
    """To reach one broker and be let in, in seconds."""

    confirm_timeout: Seconds = Field(30.0, alias="ConfirmTimeout")
    """A broker that takes nothing or confirms nothing for so long is given up, in seconds."""
