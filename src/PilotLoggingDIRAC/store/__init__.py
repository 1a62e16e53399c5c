# SPDX-License-Identifier: GPL-3.0-only
"""PilotLogDB: the one place where text stands between a pilot and its storage.

:mod:`.engine` connects, :mod:`.schema` names the tables, :mod:`.upgrade` makes them; :mod:`.append` is the transaction
that stores text, :mod:`.writer` runs it for many requests at once; :mod:`.chunks` reads a log's text in its order,
:mod:`.logs` finds logs, :mod:`.lifecycle` closes and expires them, :mod:`.deliveries` is the agents' work list.
"""
