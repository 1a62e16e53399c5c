"""Back to a reader: the database first, then the archive.

:mod:`.cursor` says where a reader is, :mod:`.reader` gives the next page or the whole log.
"""
