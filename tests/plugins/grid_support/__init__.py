# SPDX-License-Identifier: GPL-3.0-only
"""A grid stack as the tests of the storage element plugin use it."""
