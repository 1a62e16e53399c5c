"""docs/configuration.md and the settings classes say the same."""

import re
from pathlib import Path

import pytest
from diraccfg import CFG

from PilotLoggingDIRAC import WorkloadManagementSystem
from PilotLoggingDIRAC.settings import (
    AgentSettings,
    CollectorSettings,
    CommunitySettings,
    DatabaseSettings,
    option_names,
    parse,
)
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.LocalDirectoryPlugin import (
    LocalDirectorySettings,
)
from PilotLoggingDIRAC.WorkloadManagementSystem.Client.PilotLoggingPlugins.StorageElementPlugin import (
    StorageElementSettings,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
SECTIONS = {
    "For each VO": CommunitySettings,
    "`StorageElement`": StorageElementSettings,
    "`LocalDirectory`": LocalDirectorySettings,
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
