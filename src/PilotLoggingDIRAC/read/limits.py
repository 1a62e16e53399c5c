# SPDX-License-Identifier: GPL-3.0-only
"""How much one call of a reader gets at most. What the portal and its page ask for is within these."""

LARGEST_PAGE = 1000
"""Rows of a list of logs, or lines of a search."""
MOST_VALUES = 500
"""Values of each column, for menus."""
MOST_LINES = 5000
"""Lines that one call may ask for."""
LINES_GIVEN = 2000
"""Lines that one call gives; the rest is asked for again."""
LINES_SIZE = 2**20
"""Bytes of text that one call for lines gives: a reply is encoded while nothing else is done."""
MOST_FOUND = 10_000
"""Numbers of lines that one look into a log gives."""
LOOK_SECONDS = 2.0
"""How long one call looks through text."""
