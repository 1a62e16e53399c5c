# SPDX-License-Identifier: GPL-3.0-only
"""Message queues as DIRAC names them: ``service::Queues::name``, described in ``/Resources/MQServices``."""

from __future__ import annotations

from DIRAC.Core.Security import Locations

from ..deliver.queue.access import Access, Certificate
from ..deliver.queue.settings import BrokerSettings
from ..dirac_bridge import cs
from ..errors import ConfigurationError

_KINDS = {"Queues": "queue", "Topics": "topic"}


def access_to(destination: str, option: str) -> Access:
    """What is needed to write to a queue.

    Args:
        destination: Its name.
        option: Path of the option that has this name, for the error message.

    Raises:
        ConfigurationError: There is no such queue, or an option of its service is wrong.
    """
    service, kind, name = _split(destination, option)
    if not cs.has_queue(service, kind, name):
        raise ConfigurationError(
            option, f"= {destination!r}, and there is no /Resources/MQServices/{service}/{kind}/{name}."
        )
    settings = cs.broker_settings(service)
    return Access(
        brokers=tuple((host, port or settings.port) for host, port in settings.host),
        destination=f"/{_KINDS[kind]}/{name}",
        virtual_host=settings.vhost,
        user=settings.user,
        password=settings.password,
        certificate=_certificate(settings, f"/Resources/MQServices/{service}") if settings.ssl_version else None,
    )


def _split(destination: str, option: str) -> tuple[str, str, str]:
    parts = destination.split("::")
    if len(parts) != 3 or parts[1] not in _KINDS or not parts[0] or not parts[2]:
        raise ConfigurationError(
            option, f"= {destination!r} is not accepted: give <service>::Queues::<name> or <service>::Topics::<name>."
        )
    return parts[0], parts[1], parts[2]


def _certificate(settings: BrokerSettings, section: str) -> Certificate:
    hosts = Locations.getHostCertificateAndKeyLocation() or ("", "")
    file, key = settings.host_certificate or hosts[0], settings.host_key or hosts[1]
    authorities = settings.ca_location or Locations.getCAsLocation() or ""
    for option, value in (("HostCertificate", file), ("HostKey", key), ("CALocation", authorities)):
        if not value:
            raise ConfigurationError(f"{section}/{option}", "is not set, and DIRAC has none on this host.")
    return Certificate(file, key, authorities)
