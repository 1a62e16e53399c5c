# SPDX-License-Identifier: GPL-3.0-only
"""Whether a VO's logs are switched on, why, and what must change: for many CSs, and the mistakes that people make.

That the real pilot decides the same is tested in tests/plugins/test_activation_and_pilots.py.
"""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from PilotLoggingDIRAC.activation.decision import Sender, command_line, decide, first_fatal, white_list
from PilotLoggingDIRAC.activation.editing import apply_changes, describe, plan_disabling, plan_enabling
from PilotLoggingDIRAC.activation.mistakes import mistakes
from PilotLoggingDIRAC.activation.report import pilot_rows, verdicts
from PilotLoggingDIRAC.activation.sections import as_components_read, as_pilot_reads
from PilotLoggingDIRAC.errors import ConfigurationError, Rejected
from PilotLoggingDIRAC.settings import VOSettings, default_texts, parse

URL = "https://one.example.org:8443/WorkloadManagement/TornadoPilotLogging"
OTHER = URL.replace("one", "two")
CES = ["ce1.example.org", "ce2.example.org", "ce3.example.org"]
VALUES = {
    "RemoteLogging": ["true", "True", "TRUE", "yes", "false", ""],
    "RemoteLoggerURL": [URL, OTHER, f"{URL}, {OTHER}", "", "data:,", "http://x"],
    "RemoteLoggerURLs": [URL, f"{URL}, {OTHER}", "", "nonsense"],
    "RemoteLoggerCEsWhiteList": [CES[0], ", ".join(CES[:2]), "", f"{CES[2]},"],
    "CommandExtensions": ["PilotLogging", "PilotLogging, Mine", "Mine,PilotLogging", "Mine", ""],
    "RemoteLoggerTimerInterval": ["0", "30", " 5 ", "10s", ""],
    "RemoteLoggerBufsize": ["1000", "-3", "many"],
}


def sections(harmless=False):
    """A Pilot section with some of these options; harmless: none that ends the pilot."""
    values = dict(VALUES)
    if harmless:
        values |= {"RemoteLoggerTimerInterval": ["0", "30"], "RemoteLoggerBufsize": ["1000"]}
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(some) for name, some in values.items()})


def trees(harmless=False):
    """An Operations section in which all the sections that a pilot reads may have something to say."""
    pilot = st.fixed_dictionaries({}, optional={"Pilot": sections(harmless)})
    vo = st.fixed_dictionaries({}, optional={"Pilot": sections(harmless), "Defaults": pilot, "Production": pilot})
    return st.fixed_dictionaries({}, optional={"Defaults": pilot, "Production": pilot, "alpha": vo})


SETUPS = st.sampled_from(["", "Production"])
SOME_CES = st.lists(st.sampled_from(CES), unique=True)


def sends(tree, ce, setup=""):
    return decide(as_pilot_reads(tree, "alpha", setup), ce).sends


def of_alpha(**options):
    return {"alpha": {"Pilot": options}}


def sentences(tree, **more):
    return [mistake.sentence for mistake in mistakes(tree, "alpha", **more)]


class TestPrecedence:
    def test_the_later_section_decides_and_the_others_are_named(self):
        tree = {
            "Defaults": {"Pilot": {"RemoteLogging": "1"}},
            "Production": {"Pilot": {"RemoteLogging": "2"}},
            "alpha": {
                "Defaults": {"Pilot": {"RemoteLogging": "3"}},
                "Production": {"Pilot": {"RemoteLogging": "4"}},
                "Pilot": {"RemoteLogging": "5"},
            },
        }
        chosen = as_pilot_reads(tree, "alpha", "Production")["RemoteLogging"]
        assert (chosen.value, chosen.path) == ("5", "/Operations/alpha/Pilot/RemoteLogging")
        assert [path.removeprefix("/Operations/") for path in chosen.overridden] == [
            f"{section}/Pilot/RemoteLogging"
            for section in ("Defaults", "Production", "alpha/Defaults", "alpha/Production")
        ]

    def test_without_a_setup_the_pilot_looks_into_a_section_pilot_of_its_own(self):
        tree = {"Defaults": {"Pilot": {"RemoteLogging": "false"}}, "Pilot": {"RemoteLogging": "true"}}
        assert as_pilot_reads(tree, "alpha")["RemoteLogging"].path == "/Operations/Pilot/RemoteLogging"

    def test_components_know_of_no_setups(self):
        tree = {
            "Defaults": {"Pilot": {"Quota": "1GB", "SilentAfter": "1h"}},
            "alpha": {"Defaults": {"Pilot": {"Quota": "2GB"}}, "Pilot": {"SilentAfter": "2h", "StorageElement": {}}},
        }
        read = as_components_read(tree, "alpha")
        assert {name: option.value for name, option in read.items()} == {"Quota": "1GB", "SilentAfter": "2h"}
        assert read["SilentAfter"].overridden == ("/Operations/Defaults/Pilot/SilentAfter",)


class TestDecision:
    @pytest.mark.parametrize(
        ("options", "sender", "urls"),
        [
            ({}, Sender.NOBODY, ()),
            ({"RemoteLogging": "yes", "RemoteLoggerURL": URL}, Sender.NOBODY, ()),
            ({"RemoteLogging": "TRUE", "RemoteLoggerURL": URL}, Sender.OWN, (URL,)),
            ({"RemoteLogging": "true", "RemoteLoggerURL": "", "CommandExtensions": "Mine"}, Sender.FATAL, ()),
            ({"RemoteLogging": "true", "RemoteLoggerURLs": URL}, Sender.NOBODY, ()),
            (
                {"RemoteLogging": "true", "RemoteLoggerURLs": URL, "CommandExtensions": "PilotLogging"},
                Sender.MODULE,
                (URL,),
            ),
            (
                {
                    "RemoteLogging": "true",
                    "RemoteLoggerURLs": f"{OTHER}, {URL}",
                    "RemoteLoggerURL": URL,
                    "CommandExtensions": "Mine, PilotLogging",
                },
                Sender.BOTH,
                (OTHER, URL),
            ),
            (
                {
                    "RemoteLogging": "true",
                    "RemoteLoggerURLs": URL,
                    "RemoteLoggerURL": "data:,",
                    "CommandExtensions": "PilotLogging",
                },
                Sender.MODULE,
                (URL,),
            ),
        ],
    )
    def test_who_sends(self, options, sender, urls):
        decision = decide(as_pilot_reads(of_alpha(**options), "alpha"), CES[0])
        assert (decision.sender, decision.urls) == (sender, urls)
        assert decision.reason.endswith(".")

    def test_the_command_line_counts_more(self):
        options = as_pilot_reads(of_alpha(RemoteLogging="false", RemoteLoggerURLs=URL), "alpha")
        assert not decide(options, CES[0]).sends
        decision = decide(options, CES[0], command_line("-z, -E PilotLogging, -D 1"))
        assert (decision.sender, decision.urls) == (Sender.MODULE, (URL,))
        assert decide(options, CES[0], command_line(f"-z, -g {OTHER}")).urls == (OTHER,)

    def test_the_module_heeds_the_white_list_where_the_command_line_passes_it_over(self):
        options = as_pilot_reads(
            of_alpha(RemoteLoggerURL=URL, RemoteLoggerCEsWhiteList=CES[1], CommandExtensions="PilotLogging"), "alpha"
        )
        assert decide(options, CES[0], command_line("-z")).sender is Sender.OWN
        assert decide(options, CES[1], command_line("-z")).sender is Sender.BOTH

    def test_queues_that_differ_are_told(self):
        options = as_pilot_reads(of_alpha(RemoteLogging="false", RemoteLoggerURL=URL), "alpha")
        found = dict(verdicts(options, CES[0], {"long": "-z", "short": "-D 1", "odd": "--nonsense"}))
        assert [decision.sender for decision in found.values()] == [Sender.NOBODY, Sender.OWN, Sender.FATAL]

    def test_without_a_ce_those_of_the_white_list_are_told_and_the_rest(self):
        options = as_pilot_reads(
            of_alpha(RemoteLogging="true", RemoteLoggerURL=URL, RemoteLoggerCEsWhiteList=", ".join(CES[:2])), "alpha"
        )
        assert [(where, decision.sends) for where, decision in verdicts(options, "", {})] == [
            (CES[0], True),
            (CES[1], True),
            ("any other CE", False),
        ]


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "grave", "words"),
        [
            ({"RemoteLogging": "yes"}, True, "only the word true"),
            ({"RemoteLoggerURL": f"{URL}, {OTHER}"}, True, "takes one URL"),
            ({"RemoteLoggerURL": "https//one"}, True, "is no https URL"),
            ({"RemoteLoggerURLs": URL}, True, "read by the worker-node module only"),
            ({"RemoteLoggerURLs": URL, "RemoteLoggerURL": URL}, False, "pilots send to RemoteLoggerURL alone"),
            (
                {"RemoteLoggerURLs": URL, "RemoteLoggerURL": URL, "CommandExtensions": "PilotLogging"},
                False,
                "For way A remove /Operations/alpha/Pilot/RemoteLoggerURL.",
            ),
            ({"CommandExtensions": "PilotLoggingCommands"}, True, "without Commands"),
            ({"CommandExtensions": "Mine, PilotLogging"}, False, "Make it the first"),
            ({"CommandExtensions": "PilotLogging"}, False, "pilotVORepo is not set"),
            ({"RemoteLoggerTimerInterval": "10s"}, True, "give a whole number of seconds"),
            ({"RemoteLoggerExitTime": "1d", "CommandExtensions": "PilotLogging"}, False, "has 20s instead"),
            ({"RemoteLogLevel": "LOUD", "CommandExtensions": "PilotLogging"}, False, "is no level"),
            ({"PilotLogLevel": "VERBOSE"}, False, "counts as INFO"),
            ({"RemoteLoggerCEsWhiteList": ""}, True, "is empty"),
            ({"RemoteLoggerCEsWhiteList": "ce1.exampel.org"}, True, "is it ce1.example.org?"),
            ({"RemoteLoggerCEsWhiteList": "CE1.example.ORG, ce2.example.org"}, False, "is it ce1.example.org?"),
            ({"maxlogsize": "1MB"}, False, "is it MaxLogSize?"),
            ({"RemoteLoggerUrl": URL}, False, "is it RemoteLoggerURL?"),
            ({"UploadSE": "X"}, False, "UploadPath is not"),
            ({"pilotVORepo": "x"}, False, "looks into /Operations/Defaults/Pilot"),
        ],
    )
    def test_each_is_told_with_its_path(self, options, grave, words):
        found = mistakes(of_alpha(**options), "alpha", known_ces=CES)
        (mistake,) = [mistake for mistake in found if words in mistake.sentence]
        assert mistake.grave is grave
        assert mistake.sentence.startswith("/Operations/")
        assert mistake.sentence.endswith((".", "?"))

    def test_options_where_nobody_reads_them(self):
        tree = {"alpha": {"Production": {"Pilot": {"LoggingPlugins": "X", "Quota": "1GB"}}}}
        assert [sentence.split()[0] for sentence in sentences(tree, setup="Production")] == [
            "/Operations/alpha/Production/Pilot/LoggingPlugins",
            "/Operations/alpha/Production/Pilot/Quota",
        ]

    def test_a_good_configuration_has_none(self):
        tree = {
            "Defaults": {
                "Pilot": {"pilotVORepo": "https://git.example.org/x.git", "Version": "9.1", "MinDiskSpace": "1"}
            },
            "alpha": {
                "Pilot": {
                    "RemoteLogging": "true",
                    "RemoteLoggerURLs": URL,
                    "CommandExtensions": "PilotLogging, Mine",
                    "RemoteLoggerCEsWhiteList": CES[0],
                    "Commands": {"Defaults": "CheckWorkerNode"},
                    "UploadSE": "X",
                    "UploadPath": "/alpha/logs",
                    "RemoteLogsPriority": "yes",
                }
            },
        }
        assert sentences(tree, known_ces=CES) == []

    @given(trees(), SETUPS)
    def test_whatever_stands_there_is_told_in_sentences(self, tree, setup):
        for sentence in sentences(tree, setup=setup, known_ces=CES):
            assert sentence.endswith((".", "?"))
            assert "\n" not in sentence

    @given(trees(), SETUPS, st.sampled_from(CES))
    def test_a_vo_that_seems_to_be_on_and_is_not_has_a_grave_mistake_or_a_reason(self, tree, setup, ce):
        decision = decide(as_pilot_reads(tree, "alpha", setup), ce)
        assert decision.sends == bool(decision.urls)
        if decision.sender is Sender.FATAL:
            assert any(mistake.grave for mistake in mistakes(tree, "alpha", setup))


class TestEditing:
    @given(trees(harmless=True), SETUPS, SOME_CES, st.booleans(), st.lists(st.sampled_from([URL, OTHER]), max_size=1))
    def test_enabled_is_enabled_for_those_and_changes_nothing_for_others(self, tree, setup, ces, module, urls):
        try:
            changes = plan_enabling(tree, "alpha", ces, urls, [URL], module, setup)
        except ConfigurationError as error:
            # What stands in the way is in a section that other VOs read.
            assert error.path.startswith(("/Operations/Defaults/", "/Operations/Production/"))
            return
        after = apply_changes(tree, changes)
        for ce in CES:
            wanted = not ces or ce in ces or sends(tree, ce, setup)
            assert sends(after, ce, setup) is wanted
        assert plan_enabling(after, "alpha", ces, urls, [URL], module, setup) == []
        if module:
            assert decide(as_pilot_reads(after, "alpha", setup), (ces or CES)[0]).sender is Sender.MODULE
        if urls:
            assert set(decide(as_pilot_reads(after, "alpha", setup), (ces or CES)[0]).urls) >= set(urls)
        assert all(change.path.startswith("/Operations/alpha/") for change in changes)
        assert all(change.old != change.new for change in changes)

    @given(trees(harmless=True), SETUPS, SOME_CES)
    def test_disabled_is_disabled_for_those_and_changes_nothing_for_others(self, tree, setup, ces):
        try:
            changes = plan_disabling(tree, "alpha", ces, setup)
        except ConfigurationError:
            assert white_list(as_pilot_reads(tree, "alpha", setup)) is None
            return
        after = apply_changes(tree, changes)
        for ce in CES:
            assert sends(after, ce, setup) is (sends(tree, ce, setup) and bool(ces) and ce not in ces)
        assert plan_disabling(after, "alpha", ces, setup) == []
        assert len(changes) <= 1

    @given(trees(), SETUPS)
    def test_options_that_end_pilots_come_first(self, tree, setup):
        assume(first_fatal(as_pilot_reads(tree, "alpha", setup)))
        with pytest.raises(Rejected, match="Mend that first"):
            plan_enabling(tree, "alpha", [], [], [URL], False, setup)

    @pytest.mark.parametrize(
        ("ces", "urls", "known", "module"),
        [
            ([], ["ftp://x"], [], False),
            ([], ["https://x/a b"], [], False),
            ([], ["https://x:port/"], [], True),
            (["a, b"], [URL], [], False),
            (["a\nb"], [URL], [], False),
            (["x" * 300], [URL], [], False),
            ([], [URL, OTHER], [], False),
        ],
    )
    def test_arguments_that_cannot_be_used(self, ces, urls, known, module):
        with pytest.raises(Rejected) as raised:
            plan_enabling({}, "alpha", ces, urls, known, module, "")
        assert "\n" not in str(raised.value)

    def test_without_any_collector(self):
        with pytest.raises(ConfigurationError, match="give --url"):
            plan_enabling({}, "alpha", [], [], [], False, "")

    def test_the_difference(self):
        tree = of_alpha(RemoteLogging="false", RemoteLoggerURL=URL, CommandExtensions="Mine")
        assert list(describe(plan_enabling(tree, "alpha", CES[:1], [], [URL], True, ""))) == [
            "/Operations/alpha/Pilot",
            "  - RemoteLogging = false",
            "  + RemoteLogging = true",
            "  - CommandExtensions = Mine",
            "  + CommandExtensions = PilotLogging, Mine",
            f"  - RemoteLoggerURL = {URL}",
            f"  + RemoteLoggerURLs = {URL}",
            f"  + RemoteLoggerCEsWhiteList = {CES[0]}",
        ]


def test_defaults_are_written_as_they_are_read():
    texts = default_texts(VOSettings)
    assert texts["SilentAfter"] == "3h"
    given_all = {name: text for name, text in texts.items() if text}
    assert parse(VOSettings, "/X", given_all) == VOSettings()


def test_options_that_are_not_set_are_shown_with_their_defaults():
    rows = {row.option: row for row in pilot_rows(of_alpha(RemoteLogLevel="DEBUG"), "alpha", "")}
    assert rows["RemoteLoggerExitTime"] == ("RemoteLoggerExitTime", "20s", "", ())
    assert rows["RemoteLogLevel"].path == "/Operations/alpha/Pilot/RemoteLogLevel"
