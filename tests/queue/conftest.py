# SPDX-License-Identifier: GPL-3.0-only
"""Stacks with real brokers, and plugins that are configured as in the CS."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from diraccfg import CFG

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "dirac"), str(_HERE.parent.parent / "dev")]

# The folders above make these importable.
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData  # noqa: E402
from harness.stacks import running  # noqa: E402
from parts.ports import FreePorts  # noqa: E402
from queues.broker import Broker  # noqa: E402
from queues.reader import Reader  # noqa: E402

from PilotLoggingDIRAC.deliver.queue.settings import MessageQueueSettings  # noqa: E402
from PilotLoggingDIRAC.settings import parse  # noqa: E402
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.MessageQueuePlugin import (  # noqa: E402
    MessageQueuePlugin,
)

AWAY = "away"
"""A service that nobody is at."""


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that the test's module names, for all its tests."""
    name = request.module.BROKER
    directory = tmp_path_factory.mktemp(name) / "stack"
    with running(directory, "--broker", name):
        yield Broker(name, directory)


@pytest.fixture(scope="module")
def reader_of_alpha(broker: Broker) -> Iterator[Reader]:
    """Reads the queue of VO alpha."""
    with broker.reader("pilotlogs.alpha") as reader:
        yield reader


@pytest.fixture(scope="module")
def configured(broker: Broker) -> Iterator[None]:
    """What DIRAC's gConfig says in this process is the configuration of the stack."""
    before = gConfigurationData.localCFG
    configuration = CFG().loadFromFile(str(broker.stack.layout.configuration))
    with FreePorts() as ports:
        nobody = {"MQType": "Stomp", "Host": "localhost", "Port": ports.take(), "Queues": {"pilotlogs.alpha": {"x": 1}}}
        services = configuration["Resources"]["MQServices"]
        services.createNewSection(AWAY, "", CFG().loadFromDict(nobody))
        gConfigurationData.localCFG = configuration
        gConfigurationData.sync()
        yield
    gConfigurationData.localCFG = before
    gConfigurationData.sync()


@pytest.fixture
def new_plugin(configured: None) -> Iterator[Callable[..., MessageQueuePlugin]]:
    """Makes the plugin of VO alpha for a service, with options of its own."""
    plugins = []

    def new(service: str, queue: str = "pilotlogs.alpha", **options: Any) -> MessageQueuePlugin:
        given = {"Destination": f"{service}::Queues::{queue}"} | options
        plugins.append(MessageQueuePlugin("alpha", parse(MessageQueueSettings, "/section", given)))
        return plugins[-1]

    yield new
    for plugin in plugins:
        plugin.close()
