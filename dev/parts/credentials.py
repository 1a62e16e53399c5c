# SPDX-License-Identifier: GPL-3.0-only
"""All certificates and proxies of a stack, in one go."""

from cryptography.hazmat.primitives.asymmetric import ec

from .certificates import Authority, Issued, make_keys
from .identities import PILOT, STRANGER, USERS
from .layout import Layout
from .proxies import write_proxy

_A_MINUTE_AGO = -60


def write_credentials(layout: Layout, ecdsa: bool = False) -> None:
    """Make the CA, the host's certificate, the users', and their proxies; what an earlier ``up`` made is replaced.

    Args:
        ecdsa: the host's key is one, and no RSA key
    """
    people = len(USERS) + 1
    keys = iter(make_keys(1 + 2 + 2 * people + 1))

    authority = Authority(next(keys))
    authority.write_directory(layout.certificates)
    host_key = ec.generate_private_key(ec.SECP256R1()) if ecdsa else next(keys)
    authority.issue_host(host_key, Issued(layout.host_certificate, layout.host_key))
    authority.issue_expired_host(
        next(keys), Issued(layout.users / "expired_host.cert.pem", layout.users / "expired_host.key.pem")
    )

    for user in USERS:
        issued = authority.issue_user(user.name, next(keys), layout.users)
        write_proxy(issued, user.group, next(keys), layout.credentials / f"{user.name}.pem")
        if user is PILOT:
            write_proxy(issued, user.group, next(keys), layout.credentials / "expired.pem", seconds=_A_MINUTE_AGO)

    issued = authority.issue_user(STRANGER, next(keys), layout.users)
    write_proxy(issued, None, next(keys), layout.credentials / f"{STRANGER}.pem")
