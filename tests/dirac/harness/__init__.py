# SPDX-License-Identifier: GPL-3.0-only
"""What the tests in ``tests/dirac`` drive the real parts with: stacks, clients, a stock pilot, an extension."""
