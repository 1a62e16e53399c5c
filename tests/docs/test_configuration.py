# SPDX-License-Identifier: GPL-3.0-only
"""docs/configuration.md, the settings classes and the worker-node module say the same."""

import importlib
import re
import sys
from pathlib import Path

import pytest
from diraccfg import CFG

from PilotLoggingDIRAC import WorkloadManagementSystem
from PilotLoggingDIRAC.deliver.queue.settings import BrokerSettings, MessageQueueSettings
from PilotLoggingDIRAC.settings import (
    AgentSettings,
    CollectorSettings,
    DatabaseSettings,
    VOSettings,
    option_names,
    parse,
)
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.LocalDirectoryPlugin import (
    LocalDirectorySettings,
)
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.StorageElementPlugin import (
    StorageElementSettings,
)

PROJECT = Path(__file__).parents[2]
DOCUMENT = (PROJECT / "docs" / "configuration.md").read_text()
SECTIONS = {
    "For each VO": VOSettings,
    "`StorageElement`": StorageElementSettings,
    "`LocalDirectory`": LocalDirectorySettings,
    "`MessageQueue`": MessageQueueSettings,
    "Message brokers": BrokerSettings,
    "The collector": CollectorSettings,
    "The database": DatabaseSettings,
    "The agent": AgentSettings,
}
TEMPLATE = CFG()
TEMPLATE.loadFromFile(str(Path(WorkloadManagementSystem.__file__).parent / "ConfigTemplate.cfg"))


def documented(title: str) -> dict[str, str]:
    """Option to default, from the table of options below a heading."""
    section = re.search(rf"^#+ {re.escape(title)}.*?(?=^#)", DOCUMENT + "\n#", re.MULTILINE | re.DOTALL)
    assert section, f"docs/configuration.md has no section {title}"
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section[0].partition("| option |")[2], re.MULTILINE))


@pytest.mark.parametrize("title", SECTIONS)
def test_every_option_is_documented_and_every_documented_one_exists(title):
    assert set(documented(title)) == set(option_names(SECTIONS[title]))


@pytest.mark.parametrize("title", SECTIONS)
def test_documented_defaults_are_the_defaults(title):
    settings = SECTIONS[title]
    for field in settings.model_fields.values():
        text = documented(title)[field.alias]
        if text == "see below":
            continue
        if field.is_required():
            assert text == "must be set"
            continue
        value = "" if text == "empty" else text.strip("`")
        required = {other.alias: "x" for other in settings.model_fields.values() if other.is_required()}
        given = parse(settings, "/section", required | {field.alias: value})
        assert given == parse(settings, "/section", required), f"{field.alias}: {text}"


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("Services/TornadoPilotLogging", CollectorSettings),
        ("Agents/PilotLoggingAgent", AgentSettings),
        ("Databases/PilotLogDB", DatabaseSettings),
    ],
)
def test_config_template_has_every_option_with_its_default(section, settings):
    options = {name: TEMPLATE[section][name] for name in TEMPLATE[section].listOptions()}
    ours = {name: value for name, value in options.items() if name in option_names(settings)}
    assert set(ours) == set(option_names(settings))
    assert parse(settings, section, ours) == settings()


WORKER_NODE = "The worker node"


class Reading(dict):
    """Options that note which of them are looked at."""

    def __init__(self):
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


@pytest.fixture(scope="module")
def pilot_module():
    """The worker-node module, which does nothing outside of a pilot."""
    sys.path.append(str(PROJECT / "pilot"))
    yield importlib.import_module("PilotLoggingCommands")
    sys.path.remove(str(PROJECT / "pilot"))


def test_every_option_of_the_worker_node_is_documented_and_every_documented_one_is_read(pilot_module):
    options = Reading()
    pilot_module.Options(options)
    assert set(documented(WORKER_NODE)) == options.names


def test_documented_defaults_of_the_worker_node_are_the_defaults(pilot_module):
    defaults = vars(pilot_module.Options({}))
    assert not defaults["problems"]
    for name, text in documented(WORKER_NODE).items():
        value = "" if text == "empty" else text.strip("`")
        assert vars(pilot_module.Options({name: value})) == defaults, f"{name}: {text}"


@pytest.mark.parametrize(
    ("name", "bounds", "inside", "outside"),
    [
        ("RemoteLoggerMemory", "from 64 KiB to 1 GiB", ["64KiB", "1GiB"], ["63KiB", "1.01GiB"]),
        ("RemoteLoggerExitTime", "from 1 s to 10 min", ["1s", "10m"], ["0.9s", "601"]),
    ],
)
def test_documented_bounds_of_the_worker_node_are_the_bounds(pilot_module, name, bounds, inside, outside):
    (row,) = re.findall(rf"^\| `{name}` .*", DOCUMENT, re.MULTILINE)
    assert bounds in row
    for value in inside:
        assert not pilot_module.Options({name: value}).problems
    for value in outside:
        assert pilot_module.Options({name: value}).problems
