# SPDX-License-Identifier: GPL-3.0-only
"""Lets PyPI's tornado 5.1.1 run DIRAC's https services, which need M2Crypto below tornado to accept grid proxies.

DIRAC asks for ``SSLIOStream.configure("tornado_m2crypto.m2iostream.M2IOStream")``. Only the tornado that DIRACOS ships
has that method; where it exists, nothing here is touched.
"""

import collections
import collections.abc


def install() -> None:
    """Give tornado the hook that DIRAC's server configures."""
    if not hasattr(collections, "MutableMapping"):
        collections.MutableMapping = collections.abc.MutableMapping  # tornado 5 was written before Python 3.10

    from tornado.iostream import SSLIOStream

    if not hasattr(SSLIOStream, "configure"):
        SSLIOStream.configure = classmethod(_configure)


def _configure(_cls, implementation: str, **_settings) -> None:
    """Let every TCPServer of this process wrap its connections with M2Crypto, as tornado_m2crypto documents it."""
    from tornado import tcpserver
    from tornado.httputil import HTTPServerRequest
    from tornado.util import import_object
    from tornado_m2crypto.m2httputil import M2HTTPServerRequest
    from tornado_m2crypto.m2netutil import m2_wrap_socket

    stream_class = import_object(implementation)

    def open_stream(connection, **limits):
        stream = stream_class()  # its constructor is empty, for tornado's Configurable calls initialize()
        stream.initialize(connection, **limits)
        return stream

    tcpserver.ssl_wrap_socket = m2_wrap_socket
    tcpserver.SSLIOStream = open_stream
    for asked in ("get_ssl_certificate", "get_ssl_certificate_chain"):
        setattr(HTTPServerRequest, asked, getattr(M2HTTPServerRequest, asked))
