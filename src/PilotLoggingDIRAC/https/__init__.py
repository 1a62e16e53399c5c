# SPDX-License-Identifier: GPL-3.0-only
"""What speaks https, for every service of the process: everything below DIRAC's ``TornadoService``.

A connection comes to :mod:`.server`; :mod:`.connections` says whether it may stay. :mod:`.stream` is one TLS
connection, with the context of :mod:`.tls`; who its peer is comes from the bridge's ``verified_chain``, held against
its ``proxy_policy`` and :mod:`.crls`. :mod:`.http1_parser` makes requests of what it sends, :mod:`.http1_connection`
hands them on in order: to :mod:`.short_path`, which answers the short messages of pilots by itself, or as an
:mod:`.exchange` through Tornado's ``Application``. :mod:`.lingering_close` hangs up so that the last answer arrives;
:mod:`.memory` gives back what connections took.

:mod:`.async_service` takes a request of ours through Tornado: :mod:`.authentication` says who it is (:mod:`.peers`
remembers them, :mod:`.tokens` verifies tokens), :mod:`.request_body` takes its body within a budget,
:mod:`.urlencoded` decodes it. :mod:`.request_log` says what became of it; :mod:`.graceful_shutdown` ends it all.
"""
