# SPDX-License-Identifier: GPL-3.0-only
"""What runs on the user's terminal: replies of the collector as text, tables and files.

:mod:`.tail` and :mod:`.filtered_tail` read a log, :mod:`.follow` goes on with it, :mod:`.table` lays out
tables, :mod:`.line_output` colours lines, :mod:`.log_table` lists logs,
:mod:`.collector_status` judges the collectors' metrics, :mod:`.quiet_notice` tells of quiet logs, :mod:`.download`
keeps logs in a folder or a tar file, :mod:`.completeness` says who sent a log and whether all of it came. Nothing here
knows DIRAC or the database.
"""
