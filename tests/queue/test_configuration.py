# SPDX-License-Identifier: GPL-3.0-only
"""What an administrator may write for a queue, and what he is told of his mistakes; no broker is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from diraccfg import CFG

from PilotLoggingDIRAC.deliver.queue.access import Access
from PilotLoggingDIRAC.dirac_bridge import cs
from PilotLoggingDIRAC.errors import ConfigurationError
from PilotLoggingDIRAC.settings import parse
from PilotLoggingDIRAC.storage.message_queues import access_to
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.MessageQueuePlugin import (
    MessageQueuePlugin,
    MessageQueueSettings,
)

OPTION = "/Operations/alpha/Pilot/MessageQueue/Destination"
SERVICE = {"MQType": "Stomp", "Host": "broker.example.org", "Queues": {"logs.alpha": {"Persistent": "True"}}}

Configure = Callable[..., None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Sets what gConfig says of the service mq: what the CS has of it, and what this host's dirac.cfg has."""
    before = gConfigurationData.localCFG, gConfigurationData.remoteCFG

    def as_configuration(service: dict[str, Any]) -> CFG:
        return CFG().loadFromDict({"Resources": {"MQServices": {"mq": service}}} if service else {})

    def set_all(shared: dict[str, Any] | None = None, local: dict[str, Any] | None = None) -> None:
        gConfigurationData.remoteCFG = as_configuration(SERVICE if shared is None else shared)
        gConfigurationData.localCFG = as_configuration(local or {})
        gConfigurationData.sync()

    set_all()
    yield set_all
    gConfigurationData.localCFG, gConfigurationData.remoteCFG = before
    gConfigurationData.sync()


def access(destination: str = "mq::Queues::logs.alpha") -> Access:
    return access_to(destination, OPTION)


def test_the_least_that_is_needed(configure: Configure) -> None:
    assert access() == Access((("broker.example.org", 61613),), "/queue/logs.alpha")


def test_everything(configure: Configure) -> None:
    files = {"HostCertificate": "/c.pem", "HostKey": "/k.pem", "CALocation": "/ca"}
    brokers = "one.example.org, two.example.org:61614, [2001:db8::1]:7"
    more = {"Host": brokers, "Port": 5, "VHost": "/logs", "User": "u", "SSLVersion": "TLSv1", "Timeout": 3, **files}
    configure(shared=SERVICE | more | {"Topics": {"t": {"x": 1}}}, local={"Password": "secret"})
    given = access("mq::Topics::t")
    assert given.brokers == (("one.example.org", 5), ("two.example.org", 61614), ("2001:db8::1", 7))
    assert (given.destination, given.virtual_host) == ("/topic/t", "/logs")
    assert (given.user, given.password) == ("u", "secret")
    assert given.certificate is not None
    assert [given.certificate.file, given.certificate.key, given.certificate.authorities] == list(files.values())
    assert "secret" not in repr(given)


@pytest.mark.parametrize(
    ("destination", "told"),
    [
        ("mq::Queues::other", "there is no /Resources/MQServices/mq/Queues/other"),
        ("m::Queues::logs.alpha", "there is no /Resources/MQServices/m/Queues/logs.alpha"),
        ("mq::Topics::logs.alpha", "there is no /Resources/MQServices/mq/Topics/logs.alpha"),
        ("mq::Queue::logs.alpha", "give <service>::Queues::<name>"),
        ("logs.alpha", "give <service>::Queues::<name>"),
        ("mq::Queues::", "give <service>::Queues::<name>"),
    ],
)
def test_a_queue_that_is_not_there(configure: Configure, destination: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        access(destination)
    assert str(caught.value).startswith(f"{OPTION} = {destination!r}")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("MQType", "Kafka", "give Stomp"),
        ("Host", "a b", "give a host's name"),
        ("Host", "a:b", "give a host's name"),
        ("Port", "many", "give a whole number"),
        ("SSLVersion", "SSLv3", "give TLSv1, TLSv1.2, TLSv1.3"),
        ("Pasword", "x", "is not an option; accepted here: MQType, Host"),
    ],
)
def test_a_wrong_option_is_named_with_its_path(configure: Configure, option: str, value: str, told: str) -> None:
    configure(shared=SERVICE | {option: value})
    with pytest.raises(ConfigurationError) as caught:
        access()
    assert str(caught.value).startswith(f"/Resources/MQServices/mq/{option} ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"Window": "0"}, "Window = 0"),
        ({"MaxBodySize": "1kB"}, "MaxBodySize = 1000"),
        ({"Windows": "1"}, "Windows is no"),
    ],
)
def test_a_wrong_option_of_the_plugin(configure: Configure, options: dict[str, str], told: str) -> None:
    section = "/Operations/alpha/Pilot/MessageQueue"
    with pytest.raises(ConfigurationError) as caught:
        given = {"Destination": "mq::Queues::logs.alpha"} | options
        MessageQueuePlugin("alpha", parse(MessageQueueSettings, section, given))
    assert str(caught.value).startswith(f"{section}/{told}")


@pytest.mark.parametrize("local", [{}, {"Password": "of this host"}])
def test_a_password_in_the_cs_is_refused(configure: Configure, local: dict[str, str]) -> None:
    """Whoever may look at the CS has it, so it is refused even where this host has another."""
    configure(shared=SERVICE | {"User": "u", "Password": "for everybody"}, local=local)
    with pytest.raises(ConfigurationError) as caught:
        access()
    assert str(caught.value).startswith("/Resources/MQServices/mq/Password stands in the CS")
    assert "for everybody" not in str(caught.value)


def test_a_process_that_gets_the_configuration_in_a_file_refuses_it_too(configure: Configure, tmp_path: Path) -> None:
    """For it all is local: the agent's processes for the VOs."""
    file = tmp_path / "dirac.cfg"
    for shared, local in (("for everybody", None), (None, "of this host")):
        mine = {"Password": local} if local else {}
        configure(shared=SERVICE | {"User": "u"} | ({"Password": shared} if shared else {}), local=mine)
        cs.dump_configuration(file)
        assert os.stat(file).st_mode & 0o777 == 0o600
        dumped = CFG().loadFromFile(str(file)).getAsDict("Resources/MQServices/mq")
        configure(shared={}, local=dumped)
        if shared:
            with pytest.raises(ConfigurationError, match="Password stands in the CS"):
                access()
        else:
            assert access().password == "of this host"
