# SPDX-License-Identifier: GPL-3.0-only
"""What a pilot's log says, line by line: bytes in, lines with their level, time and command out.

:mod:`.header` knows the forms of a message's beginning, :mod:`.parser` cuts text into lines, wherever it is cut when it
comes, and :mod:`.tally` only counts, which is faster. :mod:`.pattern` is a message without what varies in it.
"""
