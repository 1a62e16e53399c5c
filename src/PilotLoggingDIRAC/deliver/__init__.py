"""From the database to the storage that each community chose.

:mod:`.contract` is what a plugin is, :mod:`.conformance` are the tests that every plugin must pass, and :mod:`.copies`
helps those that store files. :mod:`.content` puts a log's text together; :mod:`.delivery` carries one log to one plugin
and notes how it went; :mod:`.pauses` says when to try again; :mod:`.community` does all that is due for one VO;
:mod:`.housekeeping` closes silent logs and expires delivered ones.
"""
