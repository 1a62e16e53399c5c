# SPDX-License-Identifier: GPL-3.0-only
"""What the DIRAC processes of a stack need before their own first line.

Python imports this module by itself: parts/environment.py puts its folder on their PYTHONPATH.
"""

import os

if os.environ.get("PILOTLOGGING_STACK"):
    import loopback

    loopback.install()

if os.environ.get("WALK"):
    import walked

    walked.install()

if os.environ.get("DIRAC_USE_TORNADO_IOLOOP", "").lower() in ("yes", "true"):
    import m2crypto_streams

    m2crypto_streams.install()
