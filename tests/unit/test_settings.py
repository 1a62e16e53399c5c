# SPDX-License-Identifier: GPL-3.0-only
"""Options of the Configuration Service as typed settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.durations import ACCEPTED
from PilotLoggingDIRAC.errors import ConfigurationError
from PilotLoggingDIRAC.settings import (
    AgentSettings,
    CollectorSettings,
    DatabaseSettings,
    Names,
    Seconds,
    Settings,
    VOSettings,
    comes_from,
    option_names,
    own_options,
    parse,
)

SECTION = "/Systems/WorkloadManagement/Services/TornadoPilotLogging"
ALL_SETTINGS = [CollectorSettings, DatabaseSettings, VOSettings, AgentSettings]


def field_of(settings: type[Settings], option: str) -> str:
    return next(name for name, field in settings.model_fields.items() if field.alias == option)


def value_of(settings: type[Settings], option: str, given: Any) -> Any:
    return getattr(parse(settings, SECTION, {option: given}), field_of(settings, option))


SIZES: list[tuple[type[Settings], str]] = [
    *(
        (CollectorSettings, name)
        for name in option_names(CollectorSettings)
        if name.endswith(("Size", "Disk", "Memory"))
    ),
    (VOSettings, "MaxLogSize"),
    (VOSettings, "MaxTextRate"),
    (VOSettings, "Quota"),
]
DURATIONS: list[tuple[type[Settings], str]] = [
    (VOSettings, "SilentAfter"),
    (VOSettings, "QuietAfter"),
    (VOSettings, "KeepDelivered"),
    (AgentSettings, "ProxyTimeleftLimit"),
    *((CollectorSettings, name) for name in option_names(CollectorSettings) if name.endswith("Time")),
    (AgentSettings, "TurnTime"),
    (AgentSettings, "WorkerTime"),
]
NUMBERS: list[tuple[type[Settings], str]] = [
    *((CollectorSettings, name) for name in ("MaxConnections", "MaxUnauthenticated")),
    (VOSettings, "MaxOpenLogs"),
    (VOSettings, "MaxMessageRate"),
    (AgentSettings, "ClearPilotsDelay"),
    (AgentSettings, "MaxWorkers"),
]
NAMES: list[tuple[type[Settings], str]] = [
    (CollectorSettings, "ReadAnyVO"),
    (VOSettings, "LoggingPlugins"),
]
NETWORKS = "BalancerAddresses"
FLAGS: list[tuple[type[Settings], str]] = [(VOSettings, "Redact")]


def test_every_option_is_tested_below() -> None:
    tested = {option for _, option in [*SIZES, *DURATIONS, *NUMBERS, *NAMES, *FLAGS]}
    assert tested | {"SQLiteFile", NETWORKS} == {
        option for settings in ALL_SETTINGS for option in option_names(settings)
    }


@pytest.mark.parametrize(("settings", "option"), SIZES)
@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("4096", 4096),
        ("0", 0),
        ("500kB", 500_000),
        ("10 MiB", 10 * 2**20),
        ("1.5MB", 1_500_000),
        ("2gib", 2**31),
        (" 7 b ", 7),
        (4096, 4096),
    ],
)
def test_a_size(settings: type[Settings], option: str, given: Any, value: int) -> None:
    assert value_of(settings, option, given) == value


@pytest.mark.parametrize(("settings", "option"), SIZES)
@pytest.mark.parametrize("given", ["", "many", "-1", "1e3", "10 M", "10MB 5", "1,5MB", "٣", "MB", "inf", "nan", ["1"]])
def test_no_size(settings: type[Settings], option: str, given: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        value_of(settings, option, given)
    assert str(error.value) == (
        f"{SECTION}/{option} = {given!r} is not accepted: give a size such as 4096, 500kB or 10MiB."
    )
    assert error.value.path == f"{SECTION}/{option}"


@pytest.mark.parametrize(("settings", "option"), DURATIONS)
@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("90", 90),
        ("0", 0),
        ("45s", 45),
        ("30 m", 1800),
        ("1.5H", 5400),
        (" 1d ", 86400),
        (90, 90),
        ("1w", 604800),
        ("1d12h", 129600),
        ("1h 30m", 5400),
        (90.5, 90.5),
    ],
)
def test_a_duration(settings: type[Settings], option: str, given: Any, value: float) -> None:
    assert value_of(settings, option, given) == value


@pytest.mark.parametrize(("settings", "option"), DURATIONS)
@pytest.mark.parametrize("given", ["", "soon", "-3h", "3 hours", "1h30", "30m1h", "1h1h", "3kB", "inf", "nan", None])
def test_no_duration(settings: type[Settings], option: str, given: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        value_of(settings, option, given)
    assert str(error.value) == (f"{SECTION}/{option} = {given!r} is not accepted: give {ACCEPTED}.")


@pytest.mark.parametrize(("settings", "option"), NUMBERS)
@pytest.mark.parametrize(("given", "value"), [("30", 30), (" 7 ", 7), (5, 5)])
def test_a_number(settings: type[Settings], option: str, given: Any, value: int) -> None:
    assert value_of(settings, option, given) == value


@pytest.mark.parametrize(("settings", "option"), NUMBERS)
@pytest.mark.parametrize("given", ["", "many", "-1", "1.5", "1e3", "3d", "٣", True])
def test_no_number(settings: type[Settings], option: str, given: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        value_of(settings, option, given)
    assert str(error.value) == f"{SECTION}/{option} = {given!r} is not accepted: give a whole number, 0 or more."


@pytest.mark.parametrize(("settings", "option"), FLAGS)
@pytest.mark.parametrize(
    ("given", "value"), [("yes", True), ("True", True), (" y ", True), ("1", True), ("no", False), ("false", False)]
)
def test_a_flag(settings: type[Settings], option: str, given: Any, value: bool) -> None:
    assert value_of(settings, option, given) is value


@pytest.mark.parametrize(("settings", "option"), FLAGS)
@pytest.mark.parametrize("given", ["", "maybe", "on", "2", "10", None])
def test_no_flag(settings: type[Settings], option: str, given: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        value_of(settings, option, given)
    assert str(error.value) == f"{SECTION}/{option} = {given!r} is not accepted: give yes or no."


@pytest.mark.parametrize(("settings", "option"), NAMES)
@pytest.mark.parametrize(
    ("given", "value"),
    [("Operator", ("Operator",)), (" A, B ,,C, ", ("A", "B", "C")), ("", ()), (["A", " B"], ("A", "B"))],
)
def test_names(settings: type[Settings], option: str, given: Any, value: tuple[str, ...]) -> None:
    assert value_of(settings, option, given) == value


def test_a_file() -> None:
    assert value_of(DatabaseSettings, "SQLiteFile", "/data/PilotLogDB.sqlite") == "/data/PilotLogDB.sqlite"
    with pytest.raises(ConfigurationError, match=f"^{SECTION}/SQLiteFile = 5 is not accepted: give .*string"):
        value_of(DatabaseSettings, "SQLiteFile", 5)


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_an_unknown_option_is_refused_with_the_known_ones(settings: type[Settings]) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(settings, SECTION, {"SilentAftr": "3h"})
    known = ", ".join(option_names(settings))
    assert str(error.value) == f"{SECTION}/SilentAftr is not an option; accepted here: {known}."


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_only_the_documented_names_are_options(settings: type[Settings]) -> None:
    """The names that Python code uses are not options too."""
    for name in settings.model_fields:
        with pytest.raises(ConfigurationError, match="is not an option"):
            parse(settings, SECTION, {name: "5"})


@pytest.mark.parametrize("settings", ALL_SETTINGS)
def test_all_options_have_defaults_of_their_own_kind(settings: type[Settings]) -> None:
    defaults = parse(settings, SECTION, {})
    for name, field in settings.model_fields.items():
        assert value_of(settings, field.alias or name, getattr(defaults, name)) == getattr(defaults, name)


def test_the_documented_defaults() -> None:
    assert VOSettings().silent_after == 3 * 3600
    assert VOSettings().keep_delivered == 24 * 3600
    assert AgentSettings().clear_pilots_delay == 30
    assert CollectorSettings().read_any_vo == ("Operator", "JobAdministrator", "TrustedHost")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        VOSettings().silent_after = 5  # type: ignore[misc]


@given(st.sampled_from(ALL_SETTINGS), st.text(st.characters(codec="utf-8")), st.data())
def test_any_string_is_accepted_or_refused_in_a_sentence(
    settings: type[Settings], given: str, data: st.DataObject
) -> None:
    option = data.draw(st.sampled_from(option_names(settings)))
    try:
        parse(settings, SECTION, {option: given})
    except ConfigurationError as error:
        assert str(error).startswith(f"{SECTION}/{option} = {given!r} is not accepted: give ")


@pytest.mark.parametrize(
    ("given", "inside", "outside"),
    [
        ("", [], ["127.0.0.1", "::1"]),
        (
            "192.0.2.7, 198.51.100.0/24, 2001:db8::/32",
            ["192.0.2.7", "198.51.100.9", "2001:db8::1"],
            ["192.0.2.8", "::1"],
        ),
    ],
)
def test_networks(given: str, inside: list[str], outside: list[str]) -> None:
    networks = value_of(CollectorSettings, NETWORKS, given)
    assert [comes_from(address, networks) for address in [*inside, *outside]] == [True] * len(inside) + [False] * len(
        outside
    )


@pytest.mark.parametrize("given", ["localhost", "192.0.2", "192.0.2.7/24", "*", "192.0.2.7 192.0.2.8"])
def test_no_networks(given: str) -> None:
    with pytest.raises(ConfigurationError, match="is not accepted: give IP addresses or networks such as"):
        value_of(CollectorSettings, NETWORKS, given)


@pytest.mark.parametrize(("settings", "option"), [*SIZES, *DURATIONS])
def test_a_number_beyond_all_bounds_is_refused(settings: type[Settings], option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{SECTION}/{option} = '9+' is not accepted: give a"):
        value_of(settings, option, "9" * 400)


@pytest.mark.parametrize(("settings", "option"), DURATIONS)
def test_a_duration_that_no_calendar_holds_is_refused(settings: type[Settings], option: str) -> None:
    assert value_of(settings, option, "36500d") == 36500 * 86400
    with pytest.raises(ConfigurationError, match=f"^{SECTION}/{option} = '1000000d' is not accepted: give a duration"):
        value_of(settings, option, "1000000d")


class PluginSettings(Settings):
    """As a plugin of another extension may have them: without aliases, with an option that must be set."""

    Host: str
    Ports: Names = ()
    Patience: Seconds = 5.0


def test_settings_of_a_plugin() -> None:
    assert parse(PluginSettings, SECTION, {"Host": "h", "Patience": "1m"}) == PluginSettings(Host="h", Patience=60)
    assert option_names(PluginSettings) == ("Host", "Ports", "Patience")
    with pytest.raises(ConfigurationError, match=f"^{SECTION}/Host is not set, and has no default.$"):
        parse(PluginSettings, SECTION, {})


class NoSettings(Settings):
    """Of a plugin without options."""


def test_a_plugin_without_options_refuses_any() -> None:
    with pytest.raises(ConfigurationError, match=f"^{SECTION}/Host is not an option; accepted here: none.$"):
        parse(NoSettings, SECTION, {"Host": "h"})


def test_options_of_diracs_own_are_left_alone() -> None:
    section = {"RemoteLogging": "true", "SilentAfter": "2h", "UploadSE": "SE"}
    assert own_options(VOSettings, section) == {"SilentAfter": "2h"}
