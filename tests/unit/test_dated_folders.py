# SPDX-License-Identifier: GPL-3.0-only
"""In which folder a log is, and that those who know its stamp alone look there too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from PilotLoggingDIRAC.deliver.dated_folders import Folders, by_year

TODAY = datetime(2026, 3, 1, tzinfo=UTC)


@given(st.datetimes(datetime(2008, 1, 1), datetime(2026, 3, 2, 23, 59)), st.sampled_from([Folders.DAY, Folders.MONTH]))
def test_each_folder_is_looked_in_once(begun: datetime, kind: Folders) -> None:
    years = list(by_year(TODAY.date()))
    assert [kind.of(begun.replace(tzinfo=UTC)) in year for year in years].count(True) == 1
    assert all(len(set(year)) == len(year) for year in years)


@pytest.mark.parametrize(("kind", "folder"), [("day", "2024-03-01"), ("month", "2024-03"), ("none", "")])
def test_the_day_is_that_of_utc(kind: str, folder: str) -> None:
    begun = datetime(2024, 2, 29, 23, 30, tzinfo=timezone(timedelta(hours=-1)))
    assert Folders(kind).of(begun) == folder
    assert Folders(kind).of(None) == ""


def test_the_latest_is_first_also_with_a_clock_ahead() -> None:
    first, second, *_ = by_year(datetime(2026, 12, 31, tzinfo=UTC).date())
    assert (first[0], second[0]) == ("2027-01-01", "2026-12-31")
