# SPDX-License-Identifier: GPL-3.0-only
"""Bearer tokens: what DIRAC accepts, less what it does not look at.

DIRAC finds the issuer among ``/Resources/IdProviders``, verifies the signature with the issuer's keys and turns ``sub``
and ``scope`` into a DN and a group. It looks neither at the times of a token (an expired one is good for ever) nor at
its algorithm, and it asks an issuer for new keys once a day only. Both are done here.
"""

from __future__ import annotations

import re
import time
from typing import Any

import jwt

_LARGEST = 16 * 2**10
"""Characters of a token. Those with many groups have two to four thousand."""
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures of a key that only the issuer has. Not HMAC: its key would be the public one."""
_CLOCKS_DIFFER = 60.0
"""Seconds that an issuer's clock may be ahead or behind."""
_NEW_KEYS_SECONDS = 300.0
"""How often an issuer is asked for new keys because a token was signed with another one than those that are known."""
_BEARER = re.compile(r"bearer +([A-Za-z0-9_.-]+)", re.IGNORECASE)
_UNVERIFIED = {"verify_signature": False, "verify_exp": True, "verify_nbf": True, "verify_aud": False}
_REQUIRED = ("iss", "sub", "exp")


def extract_token(authorization: str) -> str | None:
    """The token of an ``Authorization`` header; None where there is none."""
    matched = _BEARER.fullmatch(authorization.strip())
    return matched[1] if matched else None


def verify(service: Any, token: str) -> dict[str, Any]:
    """Who a token is of. May ask the issuer for its keys, so it blocks.

    Args:
        service: A DIRAC handler, which knows the issuers.

    Returns:
        DIRAC's credentials, with ``secondsLeft``.

    Raises:
        ValueError: The token is not good; the message has nothing of what the peer sent.
    """
    claims = _claims(token)
    provider = service._idp.get(str(claims["iss"]).strip("/"))
    if provider is None:
        raise ValueError("the token's issuer is not in /Resources/IdProviders")
    credentials = _verified(service, token)
    if credentials is None and provider.jwks_fetch_last < time.time() - _NEW_KEYS_SECONDS:
        provider.fetchJWKs()
        provider.jwks_fetch_last = time.time()
        credentials = _verified(service, token)
    if credentials is None:
        raise ValueError("the token is not signed with one of its issuer's keys")
    return {**credentials, "secondsLeft": int(claims["exp"] - time.time())}


def _claims(token: str) -> dict[str, Any]:
    if len(token) > _LARGEST:
        raise ValueError(f"the token has more than {_LARGEST} characters")
    try:
        algorithm = jwt.get_unverified_header(token).get("alg")
        options: Any = {**_UNVERIFIED, "require": list(_REQUIRED)}
        claims: dict[str, Any] = jwt.decode(token, leeway=_CLOCKS_DIFFER, options=options)
    except jwt.ExpiredSignatureError:
        raise ValueError("the token has expired") from None
    except jwt.ImmatureSignatureError:
        raise ValueError("the token is not valid yet") from None
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise ValueError("this is not a token with an issuer, a subject and an end") from None
    if algorithm not in _ALGORITHMS:
        raise ValueError("the token is not signed with a private key of its issuer")
    return claims


def _verified(service: Any, token: str) -> dict[str, Any] | None:
    try:
        result = service._authzJWT(token)
    except Exception:
        # authlib has an exception for each way in which a token can be wrong, and they have no base in common.
        return None
    credentials: dict[str, Any] | None = result["Value"] if result["OK"] else None
    return credentials
