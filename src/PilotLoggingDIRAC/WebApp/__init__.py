# SPDX-License-Identifier: GPL-3.0-only
"""The portal's part: a page that shows logs, and one entry more in DIRAC's PilotMonitor.

DIRAC's portal (WebAppDIRAC) finds the modules of ``handler`` by their path, and files of ``static`` and ``template``
through ``extension_metadata()``.
"""
