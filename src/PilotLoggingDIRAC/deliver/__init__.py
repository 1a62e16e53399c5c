# SPDX-License-Identifier: GPL-3.0-only
"""From the database to the storage that each VO chose.

:mod:`.contract` is what a plugin is, :mod:`.conformance` are the tests that all plugins must pass,
:mod:`.archive_names` helps those that store files, :mod:`.stale_files` those that may leave some behind.
:mod:`.content` puts a log's text together; :mod:`.courier` carries one log to one plugin and notes how it went;
:mod:`.backoff` says when to try a log again; :mod:`.delivery_round` does all that is due for one VO, whose plugins
share a process, see :mod:`.shared_turn`; :mod:`.archive_round` what is due to one archive, by several carriers at
once; :mod:`.outcome` is what became of it; :mod:`.circuit_breaker` says when to try storage again that is down,
:mod:`.fair_scheduler` which VO is served next; :mod:`.housekeeping` closes silent logs and expires delivered ones.
"""
