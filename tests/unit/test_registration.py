# SPDX-License-Identifier: GPL-3.0-only
"""Under which address readers find the collectors, and what is done about it."""

from PilotLoggingDIRAC.activation.guess import guess, those_there
from PilotLoggingDIRAC.activation.registration import OPTION, registered

URL = "https://one.example.org:8443/WorkloadManagement/TornadoPilotLogging"
OTHER = URL.replace("one", "two")


def test_what_the_installer_noted_is_set_under_the_name_that_clients_look_for():
    for there in ({"PilotLogging": URL}, {"PilotLogging": URL, "TornadoPilotLogging": " "}):
        (change,), notes = registered(there, [OTHER])
        assert (change.path, change.old, change.new) == (OPTION, there.get("TornadoPilotLogging"), URL)
        assert not notes


def test_what_the_caller_names_is_set_where_nothing_was_noted():
    (change,), _ = registered({}, [OTHER, URL])
    assert change.new == f"{OTHER}, {URL}"
    assert registered({}, []) == ([], [])


def test_what_is_there_is_left_alone():
    assert registered({"PilotLogging": URL, "TornadoPilotLogging": f"{OTHER}, {URL}"}, []) == ([], [])
    assert registered({"TornadoPilotLogging": OTHER}, [URL]) == ([], [])
    changes, (note,) = registered({"PilotLogging": URL, "TornadoPilotLogging": OTHER}, [])
    assert not changes
    assert not note.grave
    assert note.sentence.startswith(f"{OPTION} = {OTHER} stays as it is, and DIRAC's installer has noted {URL} ")


def test_guesses():
    assert guess("se-xroot", ["SE-S3", "SE-XROOT"]) == "SE-XROOT"
    assert guess("tape", ["SE-S3"]) == ""
    assert those_there("tape", ["SE-S3", "SE-A"]) == "there are: SE-A, SE-S3."
    assert those_there("tape", []) == "there is none at all."
