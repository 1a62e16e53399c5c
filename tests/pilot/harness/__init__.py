# SPDX-License-Identifier: GPL-3.0-only
"""Pilots that really run: a working directory with pilot files, started as DIRAC's wrapper starts them.

::

    from pilot.harness import Site, differences, prepare, remote_log, through_module

    pilot = prepare(folder, site=Site.of(stack), options=through_module(stack.urls), commands=["Speak"])
    result = pilot.run()                        # a Result: output, errors, pilot_out, status, seconds, ...
    assert not differences(result.output, remote_log(stack, pilot.stamp).text)

    with pilot.start() as running:              # the same, but with a hand on it
        running.wait_for("Sleeping")            # until that stands in the classic output
        running.send(signal.SIGTERM)            # to the pilot process itself: running.pid
        result = running.wait()

=========================================  =====================================================================
``prepare(folder, ...)``                   makes the working directory; see its arguments. ``module=None``: without
                                           our module. ``files=checkout(path)``: DIRAC's own pilot.
``MINIATURE``, ``checkout(path)``          folders of pilot files; ``kinds()``: those that tests run on (``$PILOT``);
                                           ``usual()``: the one for tests that take a single one
``through_module(urls)``                   options for way A: only our module talks to the collector
``through_pilot(url)``                     options for way B: the pilot's own remote logger begins
``Site.of(stack)``                         certificates and proxy of a stack of ``dev/stack``; or make a ``Site``
``Pilot.run(...)``, ``Pilot.start(...)``   with ``stdin=``, ``output=``, ``separate_errors=``, ``remove=``, ``stamp=``
``pythons()``, ``oldest()``, ``newest()``  the interpreters that can be had here
``complete(stack, result)``                checks that a collector has all of a log, and its end
``unharmed(pilot, result, other, ...)``    checks that a pilot with our module did what one without it did
``remote_log(stack, stamp)``                what a collector has: text, exit_code, finalised, gaps
``differences(classic, remote)``           the lines that are not the same in both logs, readable; empty if none
=========================================  =====================================================================

The commands of ``TestCommands.py`` in this folder can be among ``commands``: Speak, RunShell, Exit, RaiseSystemExit,
Fail, ExitWithError, Sleep, Fork, ForkAndExecute, ManyLines, LongLine, CallSystem, WriteBytes, Unprintable, ShowThreads,
BreakModule. Environment variables (``environment={"TEST_SECONDS": "30"}``) say more; their docstrings name them.
"""

from .checks import complete, unharmed
from .comparison import differences
from .kinds import MINIATURE, MODULE, PARTS, checkout, kinds, usual
from .pilots import Pilot
from .preparation import Site, prepare, through_module, through_pilot
from .pythons import newest, oldest, pythons
from .remote import RemoteLog, remote_log
from .runs import Result, Running

__all__ = [
    "MINIATURE",
    "MODULE",
    "PARTS",
    "Pilot",
    "RemoteLog",
    "Result",
    "Running",
    "Site",
    "checkout",
    "complete",
    "differences",
    "kinds",
    "newest",
    "oldest",
    "prepare",
    "pythons",
    "remote_log",
    "through_module",
    "through_pilot",
    "unharmed",
    "usual",
]
