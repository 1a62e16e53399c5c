# SPDX-License-Identifier: GPL-3.0-only
"""Open logs that had no line for longer than their sender usually lets pass: the pilot may be gone, or may compute.

Nothing of this stands in the database: a log is quiet from some moment on, and with its next line it is not any more.
What is usual is what the log itself tells: by what it is sent, and how long it was between its messages so far.

The worker-node module sends within ten seconds what there is to send. A stock pilot sends when a buffer is full or a
command ends, so that its silence means little; so does that of a sender of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement, literal

from ..model import LogState
from .schema import UTCDateTime, logs

STOCK_FACTOR = 6
"""A sender that numbers nothing is given so many times the VO's time: half an hour by default."""
_FACTOR = 3
"""What counts as longer than usual."""
_FEWEST = 4
"""With fewer messages a log tells nothing of how often its sender sends."""
_MODULE = "PilotLogging/"
"""In ``PilotVersion``: the worker-node module."""
_MODULE_SECONDS = 10.0
"""Its ``RemoteLoggerTimerInterval``, unless the CS has another one; then the log soon tells."""
_NUMBERED = '{"s":'
"""How the document in ``Numbering`` begins that has a session in it, see :mod:`.numbering`."""

_IS_NUMBERED = logs.c.Numbering.startswith(_NUMBERED)
READ = (logs.c.LastChunkID.label("_messages"), _IS_NUMBERED.label("_numbered"))
"""What :meth:`Quietness.told` needs of a log beside the columns of the list; it takes them out of the row."""


class _Seconds(FunctionElement[float]):
    """The seconds from the first of two times to the second."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(_Seconds, "sqlite")
def _on_sqlite(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({second}) - julianday({first})) * 86400.0)"


@compiles(_Seconds, "mysql")
@compiles(_Seconds, "mariadb")
def _on_server(element: _Seconds, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(TIMESTAMPDIFF(MICROSECOND, {first}, {second}) / 1000000.0)"


@dataclass(frozen=True, slots=True)
class Quietness:
    """When a log counts as quiet, at one moment.

    Attributes:
        now: By the database's clock.
        otherwise: Seconds without a line, for VOs that are not named.
        after: The same for those that are.
    """

    now: datetime
    otherwise: float
    after: Mapping[str, float] = field(default_factory=dict)

    def condition(self, vo: str | None = None) -> ColumnElement[bool]:
        """The condition for logs that are quiet; ``vo`` if all are of that VO."""
        if vo is not None:
            return self._beyond(self.after.get(vo, self.otherwise))
        others = {seconds for seconds in self.after.values() if seconds != self.otherwise}
        if not others:
            return self._beyond(self.otherwise)
        named = {seconds: [vo for vo, after in self.after.items() if after == seconds] for seconds in sorted(others)}
        every = [each for vos in named.values() for each in vos]
        return or_(
            and_(logs.c.VO.not_in(every), self._beyond(self.otherwise)),
            *(and_(logs.c.VO.in_(vos), self._beyond(seconds)) for seconds, vos in named.items()),
        )

    def _beyond(self, after: float) -> ColumnElement[bool]:
        now = literal(self.now, UTCDateTime())
        intervals = logs.c.LastChunkID - 1
        # What an index can tell comes first: only of the few logs that are left the row is read.
        return and_(
            logs.c.State == LogState.OPEN,
            logs.c.LastArrival < self._before(after),
            or_(_IS_NUMBERED, logs.c.LastArrival < self._before(after * STOCK_FACTOR)),
            or_(
                intervals < _FEWEST - 1,
                _Seconds(logs.c.LastArrival, now) * intervals
                > _FACTOR * _Seconds(logs.c.FirstArrival, logs.c.LastArrival),
            ),
        )

    def _before(self, seconds: float) -> datetime:
        return self.now - timedelta(seconds=seconds)

    def told(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of the list with what it tells of quiet in the place of :data:`READ`.

        ``QuietSince``: the time of its last line; None if the log is not quiet. ``QuietSeconds``: how long that is by
        now. ``UsualSeconds``: how often its sender sends, None if that is not known. Of a closed log all are None.
        """
        told = {name: value for name, value in row.items() if not name.startswith("_")}
        told |= {"QuietSince": None, "QuietSeconds": None, "UsualSeconds": None}
        if row["State"] != LogState.OPEN:
            return told
        silence = (self.now - row["LastArrival"]).total_seconds()
        mean = _mean(row)
        usual = _usual(row, mean)
        after = self.after.get(row["VO"], self.otherwise) * (1 if row["_numbered"] else STOCK_FACTOR)
        if silence > after and (mean is None or silence > _FACTOR * mean):
            told |= {"QuietSince": row["LastArrival"], "QuietSeconds": round(silence)}
        told["UsualSeconds"] = None if usual is None else round(usual, 1)
        return told


def _mean(row: Mapping[str, Any]) -> float | None:
    """Seconds between the messages of a log; None if there are too few."""
    intervals = row["_messages"] - 1
    if intervals < _FEWEST - 1:
        return None
    seconds: float = (row["LastArrival"] - row["FirstArrival"]).total_seconds() / intervals
    return seconds


def _usual(row: Mapping[str, Any], mean: float | None) -> float | None:
    return _MODULE_SECONDS if mean is None and _MODULE in str(row["PilotVersion"]) else mean
