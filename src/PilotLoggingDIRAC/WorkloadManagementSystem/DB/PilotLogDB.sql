-- SPDX-License-Identifier: GPL-3.0-only
-- -----------------------------------------------------------------------------
-- PilotLogDB: the logs of pilot jobs (PilotLoggingDIRAC)
--
-- dirac-install-db makes the database and its rights. The tables are made, and
-- brought up to date, by the first component that uses them: see
-- src/PilotLoggingDIRAC/store/schema.py
-- -----------------------------------------------------------------------------
USE PilotLogDB;
