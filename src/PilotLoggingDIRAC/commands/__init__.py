# SPDX-License-Identifier: GPL-3.0-only
"""What the commands need of DIRAC: their command line and how they begin, the collectors, the CS as it is and as it
shall be.

:mod:`.command_line` reads switches (:mod:`.kinds`), :mod:`.ending` ends, :mod:`.start` looks at what is here
(:mod:`.own_credentials`) before anybody is asked, :mod:`.output` writes, through a pager if that is wanted.
:mod:`.vo_report` and :mod:`.diagnose` say what holds for a VO and what would fail, :mod:`.cs_changes` changes it. What
they show on a terminal is made in :mod:`PilotLoggingDIRAC.terminal` and :mod:`PilotLoggingDIRAC.activation`.
"""
