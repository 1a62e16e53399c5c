"""From the database to the storage that each community chose.

:mod:`.contract` is what a plugin is, :mod:`.conformance` are the tests that all plugins must pass, :mod:`.copies` helps
those that store files, :mod:`.abandoned` those that may leave some behind. :mod:`.content` puts a log's text together;
:mod:`.delivery` carries one log to one plugin and notes how it went; :mod:`.pauses` says when to try a log again;
:mod:`.community` does all that is due for one VO, whose plugins share a process, see :mod:`.together`; :mod:`.outages`
says when to try storage again that is down, :mod:`.turns` which VO is served next; :mod:`.housekeeping` closes silent
logs and expires delivered ones.
"""
