# SPDX-License-Identifier: GPL-3.0-only
"""A token issuer: an https server with its metadata and its public keys, and the private keys to sign with."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

METADATA = "/.well-known/openid-configuration"
KEYS = "/jwks"


def encoded(content: bytes) -> str:
    """As in each part of a token."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class KeyPair:
    """RSA, with an id of its own."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, text: bytes) -> bytes:
        """RS256."""
        return self._private.sign(text, padding.PKCS1v15(), hashes.SHA256())

    @property
    def public(self) -> dict[str, str]:
        """The public key as a JSON Web Key."""
        numbers = self._private.public_key().public_numbers()
        n, e = (encoded(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": n, "e": e}

    @property
    def public_pem(self) -> bytes:
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


class Issuer:
    """Serves on loopback from :meth:`serve` until :meth:`close`; its port is taken at once."""

    def __init__(self) -> None:
        self.key = KeyPair()
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answers = {
                    METADATA: {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS},
                    KEYS: {"keys": [issuer.key.public]},
                }
                body = json.dumps(answers.get(self.path, {})).encode()
                self.send_response(200 if self.path in answers else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_port}"

    def serve(self, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def claims(self, subject: str, scope: str, **others: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.url, "sub": subject, "scope": scope, "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in (usual | others).items() if value is not None}

    def token(self, subject: str, scope: str, **others: Any) -> str:
        """A good token, but for what is told otherwise; a claim that is None is left out."""
        return self.signed(self.claims(subject, scope, **others))

    def signed(self, claims: Any, key: KeyPair | None = None, **header: Any) -> str:
        """Any claims, signed with RS256, whatever the header says."""
        parts = [{"alg": "RS256", "typ": "JWT", "kid": self.key.id} | header, claims]
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return f"{text}.{encoded((key or self.key).sign(text.encode()))}"
