# SPDX-License-Identifier: GPL-3.0-only
"""The nouns, and the tree of errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC import errors
from PilotLoggingDIRAC.model import ExpiredPart, Gap, LogState

counts = st.integers(0, 2**53)


@given(
    st.lists(st.builds(Gap, counts, st.text(max_size=10), counts, counts)).map(tuple),
    st.dictionaries(st.text(max_size=10), counts),
)
def test_what_is_remembered_of_expired_text_comes_back(gaps: tuple[Gap, ...], due: dict[str, int]) -> None:
    part = ExpiredPart(gaps, due)
    assert ExpiredPart.load(part.dump()) == part


def test_nothing_has_expired_at_first() -> None:
    assert ExpiredPart.load("") == ExpiredPart((), {})


def test_states_are_texts() -> None:
    """They stand in the database and in replies."""
    assert [str(state) for state in LogState] == ["Open", "Complete", "Silent", "Archived"]


@pytest.mark.parametrize("kind", [errors.Rejected, errors.Unavailable, errors.NotFound])
def test_every_error_is_ours(kind: type[errors.PilotLoggingError]) -> None:
    assert issubclass(kind, errors.PilotLoggingError)
    assert str(kind("A sentence.")) == "A sentence."


def test_a_configuration_error_names_the_option() -> None:
    error = errors.ConfigurationError("/Systems/X/Option", "is not set.")
    assert (str(error), error.path) == ("/Systems/X/Option is not set.", "/Systems/X/Option")
