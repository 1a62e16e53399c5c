# SPDX-License-Identifier: GPL-3.0-only
"""Patches of other people's code. Each module says what is wrong there, with which version it was seen, and what would
make the patch unnecessary.

All were seen with tornado 5.1.1, tornado_m2crypto 0.1.6, M2Crypto 0.50 and DIRAC 9.1.22. A transport of our own below
Tornado's ``Application`` would need none of them.
"""
