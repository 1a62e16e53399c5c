# SPDX-License-Identifier: GPL-3.0-only
"""Certificate chains, sound and unsound, and whom each is of."""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509

from .chains import (
    INDEPENDENT,
    LIMITED,
    UNKNOWN,
    OtherAuthority,
    Party,
    group_extension,
    make,
    make_proxy,
    name,
)

Table = dict[str, tuple[Party, list[x509.Certificate], Any]]
"""By what is special: the leaf, what is sent behind it, and who that is."""
REFUSED = "refused"
USER = ("alpha_user", "alpha_user", True)
"""Whom whoami names, in which group, and whether that is by a proxy."""
_DAY = datetime.timedelta(days=1)

CASES = [
    "a user's certificate", "a proxy", "a proxy of a proxy", "a limited proxy", "a limited proxy of a limited one",
    "a limited proxy of a proxy", "the CA is sent as well", "order turned", "certificates repeated", "junk last",
    "junk in the middle", "junk that claims the CA's key", "junk that claims the CA's key, before the CA",
    "a proxy of somebody else last", "another group in a proxy below", "a foreign CA",
    "a proxy of a foreign CA's user", "a proxy of a foreign CA's user, beside the real one", "self-signed",
    "self-signed, with the CA behind it", "expired", "not valid yet", "a proxy without its issuer",
    "a proxy signed with another key", "beyond the path length", "a full proxy below a limited one",
    "an independent proxy", "an unknown policy", "proxyCertInfo that is not critical", "a legacy proxy",
    "a proxy with a legacy name", "another user's name", "two names more", "no name more", "issued by a user",
    "issued by a proxy", "a group that the user is not in",
]  # fmt: skip


def chains_of(user: Party, authority: x509.Certificate) -> Table:
    """All of :data:`CASES`.

    Args:
        user: alpha_user, with a certificate of its own.
        authority: That has issued it.
    """
    own = user.certificate
    proxy = make_proxy(user, "alpha_user")
    second = make_proxy(proxy, common_names=("2",))
    limited = make_proxy(user, "alpha_user", LIMITED)
    junk = make(name("nobody"), name("nobody"), None, [(group_extension("beta_user"), False)])
    claimed = make(
        name("nobody"), name("nobody"), None, [(group_extension("beta_user"), False)], public_key=authority.public_key()
    )
    foreign = OtherAuthority("CA of somewhere else")
    foreign_user = foreign.issue("alpha_user")
    short = make_proxy(user, "alpha_user", length=0)
    self_signed = make(name("alpha_user"), name("alpha_user"), None)
    child = make(name("beta_user"), own.subject, user.key)
    grandchild = make(name("alpha_user", "1"), proxy.certificate.subject, proxy.key)
    legacy = make_proxy(user, "alpha_user", policy=None, common_names=("proxy",))
    ghost = make_proxy(foreign_user, "alpha_user")
    later = make_proxy(proxy, "beta_user", common_names=("3",))
    return {
        "a user's certificate": (user, [], ("alpha_user", "alpha_user", False)),
        "a proxy": (proxy, [own], USER),
        "a proxy of a proxy": (second, [proxy.certificate, own], USER),
        "a limited proxy": (limited, [own], USER),
        "a limited proxy of a limited one": (
            make_proxy(limited, None, LIMITED, common_names=("2",)),
            [limited.certificate, own],
            USER,
        ),
        "a limited proxy of a proxy": (
            make_proxy(proxy, None, LIMITED, common_names=("2",)),
            [proxy.certificate, own],
            USER,
        ),
        "the CA is sent as well": (proxy, [own, authority], USER),
        "order turned": (second, [own, proxy.certificate], USER),
        "certificates repeated": (second, [proxy.certificate, proxy.certificate, own, own, authority, own], USER),
        "junk last": (proxy, [own, junk.certificate], USER),
        "junk in the middle": (proxy, [junk.certificate, own], USER),
        "junk that claims the CA's key": (proxy, [own, claimed.certificate], USER),
        "junk that claims the CA's key, before the CA": (proxy, [own, claimed.certificate, authority], USER),
        "a proxy of somebody else last": (proxy, [own, ghost.certificate, foreign_user.certificate], USER),
        "another group in a proxy below": (later, [proxy.certificate, own], USER),
        "a foreign CA": (foreign_user, [foreign.party.certificate], REFUSED),
        "a proxy of a foreign CA's user": (ghost, [foreign_user.certificate, foreign.party.certificate], REFUSED),
        "a proxy of a foreign CA's user, beside the real one": (ghost, [own, foreign_user.certificate], REFUSED),
        "self-signed": (self_signed, [], REFUSED),
        "self-signed, with the CA behind it": (self_signed, [authority], REFUSED),
        "expired": (make_proxy(user, "alpha_user", begins=-2 * _DAY, ends=-_DAY), [own], REFUSED),
        "not valid yet": (make_proxy(user, "alpha_user", begins=_DAY, ends=2 * _DAY), [own], REFUSED),
        "a proxy without its issuer": (proxy, [], REFUSED),
        "a proxy signed with another key": (make_proxy(user, "alpha_user", key=junk.key), [own], REFUSED),
        "beyond the path length": (make_proxy(short, common_names=("2",)), [short.certificate, own], REFUSED),
        "a full proxy below a limited one": (
            make_proxy(limited, "alpha_user", common_names=("2",)),
            [limited.certificate, own],
            REFUSED,
        ),
        "an independent proxy": (make_proxy(user, "alpha_user", INDEPENDENT), [own], REFUSED),
        "an unknown policy": (make_proxy(user, "alpha_user", UNKNOWN), [own], REFUSED),
        "proxyCertInfo that is not critical": (make_proxy(user, "alpha_user", critical=False), [own], REFUSED),
        "a legacy proxy": (legacy, [own], REFUSED),
        "a proxy with a legacy name": (make_proxy(user, "alpha_user", common_names=("proxy",)), [own], REFUSED),
        "another user's name": (make_proxy(user, "beta_user", subject=name("beta_user", "1")), [own], REFUSED),
        "two names more": (make_proxy(user, "alpha_user", common_names=("1", "2")), [own], REFUSED),
        "no name more": (make_proxy(user, "alpha_user", subject=own.subject), [own], REFUSED),
        "issued by a user": (child, [own], REFUSED),
        "issued by a proxy": (grandchild, [proxy.certificate, own], REFUSED),
        "a group that the user is not in": (make_proxy(user, "beta_pilot"), [own], REFUSED),
    }
