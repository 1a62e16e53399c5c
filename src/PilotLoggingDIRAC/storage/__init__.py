# SPDX-License-Identifier: GPL-3.0-only
"""What fetches from and carries to storage.

:mod:`.plugin_loading` finds a VO's plugins (:mod:`.legacy_plugin` takes those with DIRAC's old interface,
:mod:`.broken_plugin` stands in for one with a mistake in its options), :mod:`.transfers` moves files with a shifter's
proxy, :mod:`.message_queues` reads how DIRAC names queues. :mod:`.vo_process` runs what needs a proxy in a process of
its own, whose side is :mod:`.vo_worker`, and :mod:`.carriers` carries several logs at once;
:mod:`.archive_access` opens archived logs for readers.
"""
