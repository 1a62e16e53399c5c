# SPDX-License-Identifier: GPL-3.0-only
"""What speaks https, for every service of the process.

:mod:`.server` takes connections and :mod:`.connections` says who may keep one; :mod:`.async_service` takes a request
through Tornado: :mod:`.authentication` says who it is (:mod:`.peers` remembers them, :mod:`.tokens` verifies tokens),
:mod:`.request_body` takes its body within a budget, :mod:`.urlencoded` decodes it. :mod:`.graceful_shutdown` ends it
all. What has to be mended in Tornado and M2Crypto stands in :mod:`.patches`.
"""
