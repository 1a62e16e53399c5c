"""The core's only door to DIRAC.

:mod:`.results` translates between exceptions and S_OK/S_ERROR, :mod:`.cs` reads the Configuration Service,
:mod:`.credentials` says who is calling, :mod:`.request_path` takes a request through Tornado, :mod:`.plugin_loading`
finds a VO's plugins, :mod:`.transfers` moves files with a shifter's proxy, :mod:`.vo_process` runs what needs one in a
process of its own, :mod:`.archive_access` opens archived logs.
"""
