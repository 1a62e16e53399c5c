# SPDX-License-Identifier: GPL-3.0-only
"""Which names stand in front of secrets."""

from __future__ import annotations

import re
from functools import lru_cache

_SECRET = {
    "apikey", "accesskey", "secretkey", "privatekey", "auth", "authorization", "authz", "cookie", "credential",
    "passphrase", "passwd", "passwort", "password", "secret", "token",
}  # fmt: skip
# Only as a part of a longer name: PWD is a directory, and a test report counts what passed. See is_bare for the rest.
_SECRET_IN_LONGER = {"pass", "pw", "pwd"}
_SECRET_BEGINNINGS = {"auth", "pass", "pw", "pwd"}
_SECRET_ENDINGS = (
    "password", "passwd", "passphrase", "secret", "token", "apikey", "authkey", "deploykey", "hmackey", "masterkey",
    "signingkey", "sshkey",
)  # fmt: skip
# dbpass, userpwd, ldappw, davauth; but no filter, no count and no English word.
_SECRET_JOINED = re.compile(
    r"(?!(?:all|band|by|com|cut|encom|event|evt|fast|first|full|high|low|multi|n|num|one|over|per|second|single|slow|sur|tres"
    r"|trig|trigger|two|under)pass\Z|(?:cwd|get|l|last|old|start)pwd\Z|(?:have|need|no|o|pre|re|un|use|x)auth\Z)"
    r"[a-z0-9]+(?:auth|pass|pwd?)\Z"
)
_SECRET_KEYS = {
    "access", "account", "admin", "aes", "api", "app", "application", "auth", "aws", "azure", "bot", "client",
    "consumer", "decryption", "deploy", "encryption", "github", "gitlab", "gpg", "hmac", "jwt", "license", "master",
    "openai", "private", "rsa", "secret", "service", "session", "shared", "signing", "ssh", "ssl", "storage", "tls",
    "vault", "webhook",
}  # fmt: skip
# The last part of names such as BEARER_TOKEN_FILE, whose values people need.
_HARMLESS_ENDS = {
    "age", "alg", "algorithm", "audience", "backend", "cache", "class", "count", "counter", "criteria", "dir",
    "directory", "enabled", "endpoint", "env", "error", "events", "exp", "expiration", "expires", "expiry", "fail",
    "failed", "fd", "file", "filename", "flow", "folder", "format", "helper", "home", "host", "hostname", "id",
    "ids", "interval", "iss", "issuer", "length", "level", "lifetime", "limit", "loc", "location", "manager", "max",
    "mechanism", "mechanisms", "method", "methods", "min", "mode", "module", "name", "number", "path", "paths",
    "plugin", "policy", "port", "prompt", "protocol", "provider", "providers", "rate", "ratio", "reader", "renewal",
    "required", "scheme", "scope", "scopes", "server", "service", "size", "sock", "socket", "source", "status",
    "stdin", "store", "through", "timeleft", "timeout", "ttl", "type", "types", "uri", "url", "used", "user",
    "username", "valid", "validity", "version",
}  # fmt: skip
_PASSWORDS = ("pass", "passwd", "passphrase", "passwort", "password", "pw", "pwd", "secret")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[_.\-]+")


def _parts(name: str) -> list[str]:
    parts = (part.rstrip("0123456789") for part in _SEPARATOR.split(_CAMEL.sub("_", name).lower()))
    return [part for part in parts if part]


def _singular(part: str) -> str:
    return part[:-1] if part.endswith("s") and part[:-1] in _SECRET else part


@lru_cache(4096)
def is_secret(name: bytes) -> bool:
    """Whether the value of an option, a variable or a key of this name is to be kept out of the log."""
    parts = [_singular(part) for part in _parts(name.decode("ascii", "replace"))]
    if not parts or (parts[-1] in _HARMLESS_ENDS and parts[-2:] != ["secret", "id"]):
        return False
    if parts[-2:] == ["amz", "credential"]:
        return False  # in signed URLs: the id of a key, not the key
    return any(
        (part in _SECRET and (part != "auth" or place == len(parts) - 1))
        or part.endswith(_SECRET_ENDINGS)
        or (part in _SECRET_IN_LONGER and len(parts) > 1 and place == len(parts) - 1)
        or (part in _SECRET_BEGINNINGS and len(parts) > 1 and place == 0)
        or (place == len(parts) - 1 and _SECRET_JOINED.match(part) is not None)
        or (part == "key" and place > 0 and parts[place - 1] in _SECRET_KEYS)
        for place, part in enumerate(parts)
    )


def is_bare(name: bytes) -> bool:
    """Whether this is ``pass``, ``pwd`` or ``pw`` alone, which is a secret's name only where its sign says so."""
    return name.lower().strip(b"-") in (b"pass", b"pwd", b"pw")


@lru_cache(4096)
def is_password(name: bytes) -> bool:
    """Whether people choose what stands behind this name, so that it may be a number or a plain word."""
    parts = _parts(name.decode("ascii", "replace"))
    return any(part.endswith(_PASSWORDS) for part in parts)


def is_variable(name: bytes) -> bool:
    """Whether this looks like a name of the environment: no lower-case letters."""
    return name == name.upper()


def is_header(name: bytes) -> bool:
    """Whether this is an HTTP header whose value goes to the end of the line."""
    return name.lower() in (b"authorization", b"proxy-authorization", b"cookie", b"set-cookie")
