# SPDX-License-Identifier: GPL-3.0-only
"""Whose a certificate is, in the portal and at the service behind its PilotMonitor: from the verified part of the chain
alone."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness.chain_table import REFUSED, chains_of
from harness.chains import Party, group_extension, make, make_proxy, name
from harness.client import tls_context
from portal_support.portal import Portal

ASK = """
import json, sys
import DIRAC
DIRAC.initialize(require_auth=False)
from DIRAC.Core.DISET.RPCClient import RPCClient
told = {}
for case, file in json.loads(sys.argv[1]).items():
    told[case] = RPCClient("Monitoring/WebApp", proxyLocation=file, timeout=60).getPilotOutput(sys.argv[2])
    told[case] = [told[case]["OK"], str(told[case].get("Value") or told[case]["Message"])]
print("TOLD", json.dumps(told))
"""


def _party(portal: Portal, user: str) -> Party:
    certificate, key = ((portal.stack.layout.users / f"{user}.{part}.pem").read_bytes() for part in ("cert", "key"))
    return Party(
        x509.load_pem_x509_certificate(certificate),
        serialization.load_pem_private_key(key, None),  # type: ignore[arg-type]
    )


def _authority(portal: Portal) -> x509.Certificate:
    return x509.load_pem_x509_certificate(next(Path(portal.stack.layout.certificates).glob("*.0")).read_bytes())


def _asked(portal: Portal, file: Path, group: str, address: str = "PilotLogs/list") -> int | str:
    """The status of the answer to who shows a chain."""
    connection = http.client.HTTPSConnection(
        "localhost",
        portal.plan.ports["portal"],
        context=tls_context(portal.stack.layout.certificates, file),
        timeout=60,
    )
    try:
        connection.request("GET", f"/DIRAC/s:None/g:{group}/{address}")
        reply = connection.getresponse()
        reply.read()
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return REFUSED
    finally:
        connection.close()
    return REFUSED if reply.status == http.client.UNAUTHORIZED else reply.status


def _forged(portal: Portal, tmp_path: Path) -> tuple[Path, Path]:
    """Proxies of beta_user for its group beta_user, and for its group alpha_guest; behind the first one a certificate
    that nobody signed names the second."""
    beta, authority = _party(portal, "beta_user"), _authority(portal)
    claimed = make(
        name("nobody"),
        name("nobody"),
        None,
        [(group_extension("alpha_guest"), False)],
        public_key=authority.public_key(),
    )
    one, other = make_proxy(beta, "beta_user"), make_proxy(beta, "alpha_guest")
    return (
        one.file(tmp_path / "forged.pem", beta.certificate, claimed.certificate),
        other.file(tmp_path / "guest.pem", beta.certificate),
    )


class TestCertificates:
    """In the portal."""

    def test_chains(self, portal: Portal, tmp_path: Path) -> None:
        """The same table as for the collector."""
        told, expected = {}, {}
        for case, (leaf, others, who) in chains_of(_party(portal, "alpha_user"), _authority(portal)).items():
            file = leaf.file(tmp_path / "chain.pem", *others)
            told[case] = _asked(portal, file, "alpha_user")
            expected[case] = REFUSED if who == REFUSED else http.client.OK
        assert told == expected

    def test_a_proxy_stays_in_its_group(self, portal: Portal, tmp_path: Path) -> None:
        """Who holds a proxy of beta_user for beta is not let into the user's other group by an address or a forgery."""
        forged, guest = _forged(portal, tmp_path)
        asked = [_asked(portal, forged, group) for group in ("beta_user", "alpha_guest")]
        asked += [_asked(portal, guest, group) for group in ("alpha_guest", "beta_user")]
        assert asked == [http.client.OK, REFUSED, http.client.OK, REFUSED]
        own = _party(portal, "beta_user").file(tmp_path / "own.pem")
        assert [_asked(portal, own, group) for group in ("beta_user", "alpha_guest")] == [http.client.OK] * 2


class TestChainsAtPilotMonitorsService:
    """At Monitoring/WebApp, which anybody may call."""

    def test_a_certificate_that_nobody_signed_names_a_group(self, portal: Portal, tmp_path: Path) -> None:
        forged, guest = _forged(portal, tmp_path)
        alpha = _party(portal, "alpha_user")
        whole = make_proxy(alpha, "alpha_user").file(tmp_path / "whole.pem", alpha.certificate, _authority(portal))
        reference = portal.add_pilot(portal.send("secret of alpha\n"))
        told = self._told(portal, {"forged": forged, "guest": guest, "whole": whole}, reference)
        assert told["forged"] == [
            False,
            "Your credentials are not taken: there are certificates in the chain that do not belong to it.",
        ]
        for sound in ("guest", "whole"):
            assert "secret of alpha" in str(told[sound][1])

    @staticmethod
    def _told(portal: Portal, files: Mapping[str, Path], reference: str) -> dict[str, list[bool | str]]:
        given = json.dumps({case: str(file) for case, file in files.items()})
        done = subprocess.run(
            [sys.executable, "-c", ASK, given, reference],
            env=portal.stack.environment("alpha_user") | {"DIRACSYSCONFIG": str(portal.stack.layout.configuration)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "TOLD " in done.stdout, done.stdout + done.stderr
        return dict(json.loads(done.stdout.partition("TOLD ")[2].splitlines()[0]))
