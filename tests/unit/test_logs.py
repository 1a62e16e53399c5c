# SPDX-License-Identifier: GPL-3.0-only
"""Finding logs: one by its name, many by what is known of them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.store import Store, list_logs

from PilotLoggingDIRAC.errors import Rejected
from PilotLoggingDIRAC.model import Append, Final, LogKey
from PilotLoggingDIRAC.store import logs, schema
from PilotLoggingDIRAC.store.selection import where


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture
def listed(store: Store) -> Any:
    """Lists the last characters of the stamps of six logs of two VOs."""
    messages = []
    for number, (vo, site, host, exit_code) in enumerate(
        [
            ("alpha", "LCG.CERN.ch", "node1", 0),
            ("alpha", "LCG.CERN.ch", "node2", 1),
            ("alpha", "LCG.GRIDKA.de", "node3", None),
            ("beta", "LCG.CERN.ch", "node1", 0),
            ("beta", "", "", None),
            ("alpha", "lcg.cern.ch", "node4", 137),
        ]
    ):
        level = "ERROR" if number in (1, 4) else "INFO"
        messages.append(
            Append(
                LogKey(vo, f"{number:032d}"),
                f"2026-06-10T11:02:02.9Z {level} [A] text\n".encode() * (number + 1),
                session="a",
                seq=1,
                context={"Site": site, "Host": host} if site else {},
                final=None if exit_code is None else Final(exit_code),
            )
        )
    store.append(*messages)
    with store.database.writing() as connection:
        for number in range(6):
            statement = schema.logs.update().where(schema.logs.c.Stamp == f"{number:032d}")
            connection.execute(statement.values(FirstArrival=days_ago(6 - number), LastArrival=days_ago(6 - number)))

    def run(
        selection: Any = None, sort: Any = (("Stamp", "ASC"),), start: int = 0, limit: int = 100, vo: str | None = None
    ) -> str:
        with store.database.reading() as connection:
            rows, total = list_logs(connection, selection or {}, sort, start, limit, vo)
        assert len(rows) == min(limit, max(total - start, 0))
        return "".join(row["Stamp"][-1] for row in rows)

    return run


SELECTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "012345"),
    ({"VO": "alpha"}, "0125"),
    ({"VO": ["alpha", "beta"]}, "012345"),
    ({"VO": "Alpha"}, ""),
    ({"VO": []}, ""),
    ({"Stamp": f"{3:032d}"}, "3"),
    ({"Stamp": [f"{3:032d}", f"{1:032d}", "0"]}, "13"),
    ({"State": "Open"}, "24"),
    ({"State": ["Complete", "Silent"]}, "0135"),
    ({"Site": "LCG.CERN.ch"}, "013"),
    ({"Site": "LCG.CERN.ch", "VO": "beta"}, "3"),
    ({"Site": ""}, "4"),
    ({"Site": "LCG.%"}, ""),
    ({"Host": ("node1", "node4")}, "035"),
    ({"ExitCode": 0}, "03"),
    ({"ExitCode": [1, 137]}, "15"),
    ({"HasErrors": True}, "14"),
    ({"HasErrors": False}, "0235"),
    ({"Finalised": True}, "0135"),
    ({"Finalised": False, "HasErrors": True}, "4"),
    ({"Since": days_ago(3.5).isoformat()}, "345"),
    ({"Until": days_ago(3.5).isoformat()}, "012"),
    ({"Since": days_ago(4.5), "Until": days_ago(2.5)}, "23"),
    ({"Since": days_ago(3.5).strftime("%Y-%m-%dT%H:%M:%SZ")}, "345"),
    ({"Since": days_ago(3.5).astimezone().isoformat()}, "345"),
    ({"Since": days_ago(3.5).replace(tzinfo=None).isoformat()}, "345"),
    ({"CE": "ce1"}, ""),
    ({"Queue": "", "PilotReference": "", "PilotVersion": ""}, "012345"),
    ({"Site": "' OR '1'='1"}, ""),
    ({"Site": "a\0b"}, ""),
    ({"HasWarnings": True}, ""),
    ({"HasWarnings": False}, "012345"),
    ({"Silent": True}, ""),
    ({"Silent": False}, "012345"),
    ({"Failed": True}, "15"),
    ({"Failed": False}, "0234"),
    ({"Contains": {}}, "012345"),
    ({"Contains": {"Site": "cern"}}, "0135"),
    ({"Contains": {"Site": "CERN", "Host": "E1"}}, "03"),
    ({"Contains": {"Host": "node%"}}, ""),
    ({"Contains": {"Host": "nod_1"}}, ""),
    ({"Contains": {"Host": "/node"}}, ""),
    ({"Contains": {"Host": "\\"}}, ""),
    ({"Contains": {"Stamp": "0005"}}, "5"),
    ({"Contains": {"Host": "node"}, "VO": "beta"}, "3"),
    ({"Contains": {"PilotReference": "x", "CE": "x", "Queue": "x"}}, ""),
    ({"Contains": {"Site": ["GridKa", "cern"]}}, "01235"),
    ({"Contains": {"Host": ["node1", "node%", "NODE3"]}}, "023"),
    ({"Contains": {"Pilot": "0005"}}, "5"),
    ({"Contains": {"VO": "ALPH"}}, "0125"),
    ({"Contains": {"VO": ["ALPH", "bet"]}}, "012345"),
]


def test_silent_logs(listed: Any, store: Store) -> None:
    assert store.close_silent("beta") == 1
    assert listed({"Silent": True}) == "4"
    assert listed({"Silent": False}) == "01235"


def test_contains_in_any_case_also_beyond_ascii_where_it_is_written_so(store: Store, key: LogKey) -> None:
    store.append(Append(key, b"x\n", session="a", seq=1, context={"Site": "Zürich_100%"}))
    for part, found in (("ZÜR", None), ("zür", 1), ("RICH_100%", 1), ("rich-100", 0), ("ü", 1), ("100/%", 0)):
        with store.database.reading() as connection:
            _, total = list_logs(connection, {"Contains": {"Site": part}}, [], 0, 10)
        assert found in (None, total), part


def test_values(listed: Any, store: Store) -> None:
    def counted(selection: Any, columns: Any, limit: int = 10, **more: Any) -> Any:
        with store.database.reading() as connection:
            return logs.list_values(connection, selection, columns, limit, **more)

    values, looked_at = counted({}, ["Site", "ExitCode", "State"])
    assert looked_at == 6
    assert values["Site"] == [("LCG.CERN.ch", 3), ("", 1), ("LCG.GRIDKA.de", 1), ("lcg.cern.ch", 1)]
    assert values["ExitCode"] == [(None, 2), (0, 2), (1, 1), (137, 1)]
    assert dict(values["State"]) == {"Complete": 4, "Open": 2}
    assert counted({"HasErrors": True}, ["VO"]) == ({"VO": [("alpha", 1), ("beta", 1)]}, 2)
    assert counted({}, ["VO"], vo="beta") == ({"VO": [("beta", 2)]}, 2)
    assert counted({}, ["VO"], limit=1) == ({"VO": [("alpha", 4)]}, 6)
    assert counted({}, ["VO", "Host"], most=2) == (
        {"VO": [("alpha", 1), ("beta", 1)], "Host": [("", 1), ("node4", 1)]},
        2,
    )
    assert counted({"Site": "none"}, []) == ({}, 0)
    for columns in (["Stamp"], ["LogID"], ["Lines"], [5], [["VO"]]):
        with pytest.raises(Rejected, match="are not counted"):
            counted({}, columns)


def test_counts_by_a_column(listed: Any, store: Store) -> None:
    def counted(selection: Any, column: Any, limit: int = 10, **more: Any) -> Any:
        with store.database.reading() as connection:
            return logs.count_by(connection, selection, column, limit, **more)

    rows, values, looked_at = counted({}, "Site")
    assert (values, looked_at) == (4, 6)
    assert [(row["Value"], row["Logs"]) for row in rows] == [
        ("LCG.CERN.ch", 3),
        ("", 1),
        ("LCG.GRIDKA.de", 1),
        ("lcg.cern.ch", 1),
    ]
    for selection in ({}, {"VO": "alpha"}, {"HasErrors": True}):
        rows, _, looked_at = counted(selection, "ExitCode")
        assert sum(row["Logs"] for row in rows) == looked_at
        for column, condition in (
            ("Failed", {"Failed": True}),
            ("Silent", {"Silent": True}),
            ("Open", {"State": "Open"}),
        ):
            with store.database.reading() as connection:
                assert sum(row[column] for row in rows) == logs.count_logs(connection, selection | condition)
    rows, values, _ = counted({}, "VO", limit=1)
    assert ([row["Value"] for row in rows], values) == (["alpha"], 2)
    assert counted({}, "VO", vo="beta")[2] == 2
    assert counted({}, "VO", most=3)[2] == 3
    assert counted({"Site": "none"}, "VO") == ([], 0, 0)
    for column in ("Stamp", "LogID", 5, ["VO"], {}):
        with pytest.raises(Rejected, match="are not counted"):
            counted({}, column)


def test_the_columns_that_are_named_are_those_of_the_table() -> None:
    internal = {"LogID", "LastChunkID", "ExpiredChunkID", "ExpiredBytes", "Gaps", "Numbering", "HasText"}
    assert logs.COLUMNS == tuple(column.name for column in schema.logs.c if column.name not in internal)


def test_selection(listed: Any) -> None:
    for selection, found in SELECTIONS:
        assert listed(selection) == found, selection


SORTS: list[tuple[Any, str]] = [
    ((), "543210"),
    ([("LastArrival", "ASC")], "012345"),
    ([["Lines", "DESC"]], "543210"),
    ([("VO", "DESC"), ("Stamp", "ASC")], "340125"),
    ([("VO", "ASC"), ("Lines", "DESC")], "521043"),
]


def test_sort(listed: Any) -> None:
    for sort, found in SORTS:
        assert listed(sort=sort) == found, sort


def test_every_column_can_be_sorted_by(listed: Any) -> None:
    for column in logs.COLUMNS:
        for direction in ("ASC", "DESC"):
            assert sorted(listed(sort=[(column, direction)])) == list("012345")


def test_deep_pages_are_for_quick_sorts(store: Store) -> None:
    with store.database.reading() as connection:
        for sort in ([], [("LastArrival", "ASC")], [("Stamp", "DESC")]):
            assert list_logs(connection, {}, sort, 10**6, 10) == ([], 0)
        for sort in ([("Site", "ASC")], [("LastArrival", "ASC"), ("Lines", "ASC")]):
            assert list_logs(connection, {}, sort, 100_000, 10) == ([], 0)
            with pytest.raises(Rejected, match="Beyond row 100000 lists are sorted by LastArrival or Stamp only"):
                list_logs(connection, {}, sort, 100_001, 10)


def test_pages(listed: Any, store: Store) -> None:
    assert listed(start=0, limit=2) == "01"
    assert listed(start=4, limit=2) == "45"
    assert listed(start=5, limit=2) == "5"
    assert listed(start=6, limit=2) == ""
    assert listed(limit=0) == ""
    with store.database.reading() as connection:
        _, total = list_logs(connection, {"VO": "alpha"}, [], 3, 1)
    assert total == 4


def test_pages_of_equal_rows_do_not_overlap(listed: Any) -> None:
    pages = [listed(sort=[("Archived", "DESC")], start=start, limit=2) for start in (0, 2, 4)]
    assert sorted("".join(pages)) == list("012345")


def test_one_vo_only_whatever_the_selection_says(listed: Any) -> None:
    assert listed(vo="beta") == "34"
    assert listed({"VO": "alpha"}, vo="beta") == ""
    assert listed({"VO": ["beta", "alpha"]}, vo="beta") == "34"
    assert listed({"Site": "LCG.CERN.ch"}, vo="beta") == "3"


def test_what_a_row_tells(listed: Any, store: Store) -> None:
    with store.database.reading() as connection:
        (row,), _ = list_logs(connection, {"Stamp": f"{1:032d}"}, [], 0, 10)
    assert tuple(row) == logs.COLUMNS
    assert (row["VO"], row["State"], row["ExitCode"], row["Lines"], row["Errors"]) == ("alpha", "Complete", 1, 2, 2)
    assert row["FirstArrival"].utcoffset() == timedelta()


BAD_SELECTIONS: list[dict[Any, Any]] = [
    {"Colour": "grey"},
    {"": ""},
    {"LogID": 1},
    {"Numbering": ""},
    {"vo": "alpha"},
    {"\x1b[31m\ud800" + "x" * 1000: 1},
    {5: 5},
    {"VO": None},
    {"VO": True},
    {"VO": {"a": 1}},
    {"VO": [None]},
    {"VO": ["alpha", ["beta"]]},
    {"Site": 1.5},
    {"HasErrors": "true"},
    {"HasErrors": 1},
    {"Finalised": None},
    {"Since": "yesterday"},
    {"Since": None},
    {"Until": 1781000000},
    {"Until": "2026-13-01"},
    {"Since": ["2026-06-10"]},
]


def test_a_bad_selection_is_rejected(listed: Any) -> None:
    for selection in BAD_SELECTIONS:
        with pytest.raises(Rejected, match=r"^(Logs cannot be selected by [ -~]{1,80};|The selection's \w+ is n)"):
            pytest.fail(f"{selection!a} selects {listed(selection)}")


def test_a_value_that_no_database_can_compare_is_rejected(listed: Any) -> None:
    for selection in (
        {"Site": "\ud800"},
        {"VO": ["alpha", "\udfff"]},
        {"ExitCode": 10**30},
        {"Since": "0001-01-01T00:00:00+23:00"},
    ):
        with pytest.raises(Rejected, match=r"^The selection's "):
            pytest.fail(f"{selection!a} selects {listed(selection)}")


def test_a_value_of_another_type_is_rejected(listed: Any) -> None:
    """MySQL takes every text that is no number for 0."""
    for selection in ({"Site": 0}, {"VO": [0]}, {"ExitCode": "none"}, {"ExitCode": "0"}):
        with pytest.raises(Rejected, match=r"^The selection's "):
            pytest.fail(f"{selection!a} selects {listed(selection)}")


def test_very_many_values(listed: Any) -> None:
    assert listed({"Stamp": [f"{number:032d}" for number in range(5, 1005)]}) == "5"


BAD_SORTS: list[Any] = [
    [("Colour", "ASC")],
    [("LogID", "ASC")],
    [("Stamp", "asc")],
    [("Stamp",)],
    [("Stamp", "ASC", "DESC")],
    ["Stamp"],
    [None],
    [("Stamp; DROP TABLE PilotLogs", "ASC")],
    [(["Stamp"], "ASC")],
    [{"Stamp": "ASC"}],
]


def test_a_bad_sort_is_rejected(listed: Any) -> None:
    for sort in BAD_SORTS:
        with pytest.raises(
            Rejected, match=r"^The sort is not a list of pairs of a column and ASC or DESC; columns: VO, "
        ):
            pytest.fail(f"{sort!a} sorts {listed(sort=sort)}")


def test_find_a_log(store: Store) -> None:
    key, other = store.new_key(), store.new_key("beta")
    store.send("one\n", key=key)
    with store.database.reading() as connection:
        record = logs.find(connection, key)
        assert record is not None
        assert record.key == key
        assert logs.find_by_id(connection, record.log_id) == record
        assert logs.find(connection, other) is None
        assert logs.find(connection, LogKey("beta", key.stamp)) is None
        assert logs.find_by_id(connection, -1) is None


def test_communities_and_states(listed: Any, store: Store) -> None:
    store.send("one\n", key=LogKey("Alpha", "0" * 32))
    with store.database.reading() as connection:
        assert logs.list_vos(connection) == ["Alpha", "alpha", "beta"]
        assert logs.count_states(connection) == {
            ("Alpha", "Open"): 1,
            ("alpha", "Open"): 1,
            ("alpha", "Complete"): 3,
            ("beta", "Open"): 1,
            ("beta", "Complete"): 1,
        }


def test_an_empty_database(store: Store) -> None:
    with store.database.reading() as connection:
        assert logs.list_vos(connection) == []
        assert logs.count_states(connection) == {}
        assert list_logs(connection, {}, [], 0, 10) == ([], 0)


BOUNDLESS: dict[str, tuple[dict[str, Any], Any]] = {
    "values": ({"Site": ["x"] * 1001}, []),
    "exit codes": ({"ExitCode": [0] * 1001}, []),
    "a long value": ({"Site": ["x" * 256]}, []),
    "sorts": ({}, [["VO", "ASC"]] * 5),
}


@pytest.mark.parametrize("name", BOUNDLESS)
def test_selections_and_sorts_have_bounds(store: Store, name: str) -> None:
    asked, sort = BOUNDLESS[name]
    with store.database.reading() as connection, pytest.raises(Rejected, match=r"at most|1001 values"):
        list_logs(connection, asked, sort, 0, 1)


def test_values_that_are_counted_have_bounds(store: Store) -> None:
    with store.database.reading() as connection, pytest.raises(Rejected, match="at most"):
        logs.list_values(connection, {}, ["Site"] * 100, 10)


def test_selections_that_mean_the_same_are_one_statement() -> None:
    """Each form of a statement is compiled, and kept: order and number of what is asked for make few of them."""
    asked = {"Site": ["a", "b"], "HasErrors": True, "Since": "2026-06-10", "VO": "alpha"}
    orders = {str(where(dict(pairs))) for pairs in itertools.permutations(asked.items())}
    assert len(orders) == 1
    parts = {str(where({"Contains": {"Site": ["x"] * number, "Pilot": "y"}})) for number in range(1, 21)}
    parts |= {str(where({"Contains": {"Pilot": "y", "Site": ["x"] * number}})) for number in range(1, 21)}
    assert len(parts) == 6  # for 1, 2, 4, 8, 16 and 32


def test_only_so_many_statements_are_kept(store: Store) -> None:
    for columns in itertools.islice(itertools.permutations(logs.COLUMNS, 4), 300):
        with store.database.reading() as connection:
            list_logs(connection, {}, [[name, "ASC"] for name in columns], 0, 1)
    kept = store.database._readers._compiled_cache
    assert kept is not None
    assert len(kept) <= 150
