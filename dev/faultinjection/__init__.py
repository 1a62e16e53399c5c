# SPDX-License-Identifier: GPL-3.0-only
"""``dev/faults``: pilots with numbered lines, faults at random, and an oracle that says what was lost."""
