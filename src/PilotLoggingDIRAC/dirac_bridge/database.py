# SPDX-License-Identifier: GPL-3.0-only
"""PilotLogDB, where the Configuration Service says it is."""

from __future__ import annotations

from DIRAC import gLogger

from ..store.upgrade import PreparedDatabase
from . import cs


class PilotLogDB(PreparedDatabase):
    """The logs that are in flight, and what is known of those that are stored.

    MySQL or MariaDB where ``/Systems/WorkloadManagement/Databases/PilotLogDB`` has a ``DBName``, else one SQLite file.
    The tables are made, and brought up to date, at the first use.
    """

    def __init__(self) -> None:
        """Nothing is opened yet.

        Raises:
            ConfigurationError: The CS does not say where the database is.
        """
        log = gLogger.getSubLogger("PilotLogDB")
        super().__init__(cs.database_url(), lambda problem: log.error("PilotLogDB needs a person", problem))
