# SPDX-License-Identifier: GPL-3.0-only
"""With what this process shows who it is, and whether that can be good: looked at here, before anybody is asked."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from DIRAC import gConfig
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.ConfigurationSystem.Client.Helpers.CSGlobals import skipCACheck
from DIRAC.Core.Security.Locations import getCAsLocation, getHostCertificateAndKeyLocation, getProxyLocation
from DIRAC.Core.Security.X509Chain import X509Chain

from ..dirac_bridge.results import value_of
from ..errors import Rejected
from .own_files import why_not_own, why_not_regular

_MAKE_ONE = "make one with dirac-proxy-init"
_PROXY_VARIABLES = ("GRID_PROXY_FILE", "X509_USER_PROXY")
_YES = ("y", "yes", "true")


@dataclass(frozen=True, slots=True)
class Own:
    """Who this process is for the servers that it asks.

    Attributes:
        name: What it shows, for sentences: "your proxy FILE", "the host's certificate FILE".
        dn: The DN that the Registry should have; empty with a token.
        group: The DIRAC group that the proxy names; empty where it names none, and for hosts.
        authority: The DN of the CA.
        is_host: Whether it is the host's certificate.
    """

    name: str
    dn: str = ""
    group: str = ""
    authority: str = ""
    is_host: bool = False


def examine_own() -> Own:
    """Look at the proxy, or the host's certificate where the configuration says so, and at the directory of CAs.

    Raises:
        Rejected: With these nobody will answer; the message says what to do.
    """
    _examine_authorities()
    if gConfig.useServerCertificate():
        return _host()
    if _uses_token():
        _examine_token()
        return Own("your token")
    return _proxy()


def is_in_registry(own: Own) -> None:
    """Compare with the Registry, which is known by now.

    Raises:
        Rejected: It does not have the user, the host or the group, or not the user in the group.
    """
    if not own.dn:
        return
    if own.is_host:
        if not Registry.getHostnameForDN(own.dn)["OK"]:
            raise Rejected(f"The Registry has no host with the DN {own.dn} of {own.name}: have it registered.")
        return
    # With the list of users: without it DIRAC remembers that it found nobody before the Registry was there.
    user = Registry.getUsernameForDN(own.dn, gConfig.getSections("/Registry/Users").get("Value"))
    if not user["OK"]:
        raise Rejected(
            f"The Registry has no user with the DN {own.dn} of {own.name}: have it registered, or make a proxy of "
            "another certificate with dirac-proxy-init."
        )
    groups = Registry.getGroupsForUser(user["Value"])
    names = sorted(groups["Value"]) if groups["OK"] else []
    if own.group and own.group not in names:
        there = own.group in Registry.getAllGroups()
        what = f"the user {user['Value']} is not in it" if there else "the Registry has no such group"
        advice = f"dirac-proxy-init -g {names[0]}" if names else "have somebody put you into one"
        yours = f"Yours: {', '.join(names)}" if names else "You are in none"
        raise Rejected(f"{_capital(own.name)} names the group {own.group}, and {what}. {yours}: {advice}.")


def _examine_authorities() -> None:
    if skipCACheck():
        return
    folder = getCAsLocation()
    advice = "run dirac-admin-get-CAs, or let X509_CERT_DIR name the directory that has them"
    if not folder:
        raise Rejected(f"There is no directory with the CAs' certificates here: {advice}.")
    try:
        names = os.listdir(folder)  # noqa: PTH208  # a name from the environment, of whatever form
    except OSError as error:
        said = f"The directory of CAs, {folder}, cannot be read: {error.strerror}."
        raise Rejected(f"{said} {_capital(advice)}.") from error
    if not any(name.endswith(".0") for name in names):
        raise Rejected(f"The directory of CAs, {folder}, has no CA (no file *.0) in it: {advice}.")


def _uses_token() -> bool:
    wanted = os.environ.get("DIRAC_USE_ACCESS_TOKEN") or gConfig.getValue("/DIRAC/Security/UseTokens", "false")
    return str(wanted).lower() in _YES


def _examine_token() -> None:
    # Not for those who use none.
    from DIRAC.FrameworkSystem.private.authorization.utils.Tokens import BEARER_TOKEN_ENV, getTokenFileLocation

    if os.environ.get(BEARER_TOKEN_ENV, "").strip():
        return
    file = getTokenFileLocation()
    try:
        problem = why_not_own(file)
    except OSError:
        return  # DIRAC says that there is none
    if problem:
        advice = "make one of your own with dirac-login, or let BEARER_TOKEN_FILE name another file"
        raise Rejected(f"Your token {file} {problem}: {advice}.")


def _host() -> Own:
    place = getHostCertificateAndKeyLocation()
    if not place:
        raise Rejected(
            "There is no host certificate where the configuration says: set /DIRAC/Security/CertFile and KeyFile in "
            "dirac.cfg, or leave out UseServerCertificate and use a proxy."
        )
    name = f"the host's certificate {place[0]}"
    certificate, key = place
    advice = "Run this as the user of the servers, or use a proxy"
    _examine_files(name, certificate, key, advice, why_not_regular)
    dates, chain = _loaded(place[0])
    _examine_dates(name, dates, "have it renewed")
    first = value_of(chain.getCertInChain(0), f"Reading {place[0]}")
    dn = value_of(first.getSubjectDN(), f"Reading {place[0]}")
    return Own(name, dn, authority=_authority(chain, place[0]), is_host=True)


def _proxy() -> Own:
    file = getProxyLocation()
    for variable in _PROXY_VARIABLES:
        # DIRAC goes on to the next place without a word.
        if not file and os.environ.get(variable):
            raise Rejected(f"There is no proxy {os.environ[variable]}, which {variable} names: {_MAKE_ONE}.")
    if not file:
        raise Rejected(f"You have no proxy (/tmp/x509up_u{os.getuid()}): {_MAKE_ONE}.")
    name = f"your proxy {file}"
    _examine_files(name, file, file, _capital(_MAKE_ONE), why_not_own)
    dates, chain = _loaded(file)
    _examine_dates(name, dates, "make a new one with dirac-proxy-init")
    # Not chain.getCredentials: it looks into the Registry, which is not there yet, and remembers what it did not find.
    person = chain.getIssuerCert() if value_of(chain.isProxy(), f"Reading {file}") else chain.getCertInChain(0)
    dn = str(value_of(value_of(person, f"Reading {file}").getSubjectDN(), f"Reading {file}"))
    group = chain.getDIRACGroup(ignoreDefault=True)
    return Own(name, dn, str(group.get("Value") or ""), _authority(chain, file))


def _examine_files(name: str, certificate: str, key: str, advice: str, why_not: Callable[[str], str]) -> None:
    """Whether they may be used, and are a certificate with its key."""
    for file in dict.fromkeys((certificate, key)):
        try:
            problem = why_not(file)
        except OSError as error:
            raise Rejected(f"{_capital(name)} cannot be read: {file}: {error.strerror}. {advice}.") from error
        if problem:
            raise Rejected(f"{_capital(name)} is not used: {file} {problem}. {advice}.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")  # never ask
    except (ssl.SSLError, ValueError) as error:
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise Rejected(f"{_capital(name)} has a key that is not its own: {key}. {advice}.") from error
        raise Rejected(f"{_capital(name)} is not a certificate with its key, unencrypted. {advice}.") from error


def _loaded(file: str) -> tuple[list[tuple[datetime, datetime]], X509Chain]:
    """From when to when each certificate of a chain is good, and the chain."""
    chain = X509Chain()
    value_of(chain.loadChainFromFile(file), f"Reading {file}")
    return list(_dates(chain, file)), chain


def _dates(chain: X509Chain, file: str) -> Iterator[tuple[datetime, datetime]]:
    for number in range(value_of(chain.getNumCertsInChain(), f"Reading {file}")):
        certificate = value_of(chain.getCertInChain(number), f"Reading {file}")
        begin, end = (
            value_of(each(), f"Reading {file}").replace(tzinfo=UTC)
            for each in (certificate.getNotBeforeDate, certificate.getNotAfterDate)
        )
        yield begin, end


def _examine_dates(name: str, dates: list[tuple[datetime, datetime]], advice: str) -> None:
    now = datetime.now(UTC)
    begin, end = max(each for each, _ in dates), min(each for _, each in dates)
    if begin > now:
        raise Rejected(
            f"{_capital(name)} is good from {begin:%Y-%m-%d %H:%M} UTC on only, and the clock here says "
            f"{now:%Y-%m-%d %H:%M} UTC: set the clock."
        )
    if end <= now:
        from ..terminal.collector_status import span  # not for each command that has nothing to tell

        ago = span((now - end).total_seconds())
        raise Rejected(f"{_capital(name)} expired {ago} ago, at {end:%Y-%m-%d %H:%M} UTC by the clock here: {advice}.")


def _authority(chain: X509Chain, file: str) -> str:
    last = value_of(chain.getCertInChain(-1), f"Reading {file}")
    return str(value_of(last.getIssuerDN(), f"Reading {file}"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
