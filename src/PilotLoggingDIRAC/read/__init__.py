# SPDX-License-Identifier: GPL-3.0-only
"""Back to a reader, on the collector's side: the database first, then the archive.

:mod:`.cursor` says where a reader is, :mod:`.reader` gives the next page or the whole log; :mod:`.outline_cache` keeps
what logs look like from afar, :mod:`.line_window` gives single lines, :mod:`.find` those of a log that fit a
:mod:`.query`, :mod:`.search` those of many logs, after :mod:`.screening` has told which cannot have any.
:mod:`.replies` makes plain values of it all.
"""
