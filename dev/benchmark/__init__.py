# SPDX-License-Identifier: GPL-3.0-only
"""``make bench``: DIRAC's own collector and ours, in turns, under the same load."""
