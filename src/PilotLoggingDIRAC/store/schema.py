# SPDX-License-Identifier: GPL-3.0-only
"""The tables. Their names and columns are a contract with the people who look at them by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

from ..model import FACTS

VERSION = max(3, *(fact.since for fact in FACTS))
"""Version of the tables below; :mod:`.upgrade` brings an older database to it."""


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC with microseconds in the database."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


# SQLite counts up only an INTEGER primary key.
_Id = BigInteger().with_variant(Integer, "sqlite")
_Blob = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
_LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
# Names are compared byte by byte: MySQL's default would take the VOs "atlas" and "Atlas" for one.
_TABLE_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

LISTED_BY = ("State", "Site", "CE", "Errors", "Warnings", "ExitCode", "Finalised")

HOUSEKEEPING_INDEX = "IX_PilotLogs_Housekeeping"

metadata = MetaData()

schema_version = Table("PilotLogSchema", metadata, Column("Version", Integer, primary_key=True), **_TABLE_OPTIONS)

logs = Table(
    "PilotLogs",
    metadata,
    Column("LogID", _Id, primary_key=True, autoincrement=True),
    Column("VO", String(64), nullable=False),
    Column("Stamp", String(36), nullable=False),
    Column("State", String(16), nullable=False),
    Column("FirstArrival", UTCDateTime, nullable=False),
    Column("LastArrival", UTCDateTime, nullable=False),
    Column("Finalised", UTCDateTime),  # when the pilot said goodbye; NULL: it never did
    Column("Archived", UTCDateTime),  # when the last plugin confirmed
    Column("ExitCode", Integer),
    Column("Lines", BigInteger, nullable=False, default=0),
    Column("Bytes", BigInteger, nullable=False, default=0),
    Column("Warnings", BigInteger, nullable=False, default=0),
    Column("Errors", BigInteger, nullable=False, default=0),
    *(Column(fact.column, String(fact.size), nullable=False, default="") for fact in FACTS),
    Column("Truncated", BigInteger, nullable=False, default=0),  # bytes left out of the middle, see .truncation
    Column("LastChunkID", BigInteger, nullable=False, default=0),
    Column("ExpiredChunkID", BigInteger, nullable=False, default=0),  # chunks up to this one stand in the archive only
    Column("ExpiredBytes", BigInteger, nullable=False, default=0),  # so many bytes of the log stand in the archive only
    # Whether text of it is in the database: of a million archived logs, those that may expire are found by an index.
    Column("HasText", Integer, Computed("CASE WHEN ExpiredChunkID < LastChunkID THEN 1 ELSE 0 END", persisted=False)),
    Column("Gaps", _LongText, nullable=False, default=""),  # JSON: the gaps in the expired part
    Column("Numbering", _LongText, nullable=False, default=""),  # JSON: what each session sent, see .numbering
    UniqueConstraint("VO", "Stamp", name="UQ_PilotLogs_VO_Stamp"),
    Index("IX_PilotLogs_VO_State_LastArrival", "VO", "State", "LastArrival"),
    Index("IX_PilotLogs_LastArrival", "LastArrival"),
    Index(HOUSEKEEPING_INDEX, "VO", "State", "HasText", "Archived"),
    # What people select by stands in the index itself: of a million logs, reading each row would take a second.
    Index("IX_PilotLogs_List", "VO", "LastArrival", *LISTED_BY),
    sqlite_autoincrement=True,  # the number of a forgotten log is not given again
    **_TABLE_OPTIONS,
)

chunks = Table(
    "PilotLogChunks",
    metadata,
    Column("LogID", BigInteger, primary_key=True, autoincrement=False),
    Column("ChunkID", BigInteger, primary_key=True, autoincrement=False),  # counts from 1 in each log
    Column("Session", String(64)),  # NULL: a stock pilot, which numbers nothing; empty: see .truncation
    Column("Seq", BigInteger),
    Column("Arrival", UTCDateTime, nullable=False),
    Column("Lines", Integer, nullable=False),
    Column("RawBytes", Integer, nullable=False),
    Column("Data", _Blob, nullable=False),  # zstd frame
    UniqueConstraint("LogID", "Session", "Seq", name="UQ_PilotLogChunks_Log_Session_Seq"),
    **_TABLE_OPTIONS,
)

deliveries = Table(
    "PilotLogDeliveries",
    metadata,
    Column("LogID", BigInteger, primary_key=True, autoincrement=False),
    Column("Plugin", String(64), primary_key=True),
    Column("State", String(16), nullable=False),
    Column("Cursor", BigInteger, nullable=False, default=0),  # the last ChunkID that the plugin confirmed
    Column("Attempts", Integer, nullable=False, default=0),  # failed ones since the last success
    Column("NextAttempt", UTCDateTime, nullable=False),
    Column("LastError", Text, nullable=False, default=""),
    Column("Reference", String(1024), nullable=False, default=""),
    Column("Owner", String(128)),  # the process that is delivering it now
    Column("LeaseUntil", UTCDateTime),  # until then; a later one may take it over
    Index("IX_PilotLogDeliveries_Plugin_State", "Plugin", "State", "NextAttempt"),
    **_TABLE_OPTIONS,
)
