# SPDX-License-Identifier: GPL-3.0-only
"""``dirac-agent``, but with no pause of 10 s at least between two cycles: for tests that want several.

The shortest period is a constant of DIRAC's AgentReactor, out of reach of PollingTime.
"""

from DIRAC.Core.scripts.dirac_agent import main
from DIRAC.Core.Utilities.ThreadScheduler import ThreadScheduler

_patient_constructor = ThreadScheduler.__init__


def _impatient_constructor(self: ThreadScheduler, enableReactorThread: bool = True, minPeriod: int = 60) -> None:
    _patient_constructor(self, enableReactorThread, min(minPeriod, 1))


ThreadScheduler.__init__ = _impatient_constructor

if __name__ == "__main__":
    main()
