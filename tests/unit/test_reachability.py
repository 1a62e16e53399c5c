# SPDX-License-Identifier: GPL-3.0-only
"""What is said of a collector's address: on a real TLS server with certificates that are wrong in one way each."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import PilotLoggingDIRAC
from PilotLoggingDIRAC.activation.findings import Finding, State, as_document, summary
from PilotLoggingDIRAC.activation.reachability import reach
from PilotLoggingDIRAC.tls import client_context

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """A CA, and the directory that verifiers read."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._path = self.folder / "ca.pem"
        certificate = self._builder(self._name, self._key.public_key(), NOW - 30 * DAY, NOW + 90 * DAY)
        certificate = certificate.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._path.write_bytes(certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(self._path)]
        digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        (self.folder / f"{digest}.0").write_bytes(self._path.read_bytes())

    def issue(self, host: str, begins: datetime.datetime, ends: datetime.datetime) -> Path:
        """A file with a server's certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key(), begins, ends
        )
        names = [x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)]
        certificate = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        file = self.folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(
            certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private
        )
        return file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime.datetime, ends: datetime.datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)


@contextmanager
def listening(serve: Callable[[socket.socket], None] | None) -> Iterator[int]:
    """A port on which each connection is served so; without a function it is left alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    assert serve
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        if serve:
            thread.start()
        yield server.getsockname()[1]
        # Closing does not wake up who accepts.
        server.shutdown(socket.SHUT_RDWR)
    if serve:
        thread.join(60)
        assert not thread.is_alive()


def with_certificate(file: Path) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            pass

    return serve


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    folder = tmp_path_factory.mktemp("authorities")
    return Authority(folder, "ours"), Authority(folder, "theirs")


def found(port: int, folder: Path | str, host: str = "127.0.0.1", seconds: float = 60) -> Finding:
    return reach(f"https://{host}:{port}/WorkloadManagement/TornadoPilotLogging", str(folder), seconds)


@pytest.mark.parametrize(
    ("host", "begins", "ends", "state", "words"),
    [
        ("127.0.0.1", -1, 60, State.OK, "its certificate is good until"),
        ("127.0.0.1", -1, 3, State.TODO, "expires in 2 days"),
        ("127.0.0.1", -9, -1, State.TODO, "has expired: renew it"),
        ("127.0.0.1", 1, 9, State.TODO, "look at the clocks"),
        ("other.example.org", -1, 60, State.TODO, "is not for 127.0.0.1"),
    ],
)
def test_certificates(
    authorities: tuple[Authority, Authority], host: str, begins: int, ends: int, state: State, words: str
) -> None:
    ours, _ = authorities
    with listening(with_certificate(ours.issue(host, NOW + begins * DAY, NOW + ends * DAY))) as port:
        finding = found(port, ours.folder)
    assert (finding.state, finding.about) == (state, f"collector 127.0.0.1:{port}")
    assert words in finding.sentence


def test_a_certificate_of_a_ca_that_is_not_installed(authorities: tuple[Authority, Authority]) -> None:
    ours, theirs = authorities
    with listening(with_certificate(theirs.issue("127.0.0.1", NOW - DAY, NOW + 60 * DAY))) as port:
        finding = found(port, ours.folder)
    assert finding.state is State.TODO
    assert f"of a CA that is not in {ours.folder}" in finding.sentence


def test_what_is_no_collector(authorities: tuple[Authority, Authority], tmp_path: Path) -> None:
    folder = authorities[0].folder
    with listening(lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")) as port:
        assert "There is no TLS server" in found(port, folder).sentence
    with listening(None) as port:
        assert "No answer within 0.2 s" in found(port, folder, seconds=0.2).sentence
    assert "Connection refused" in found(1, folder).sentence
    assert "cannot be resolved" in found(port, folder, host="nowhere.invalid").sentence
    assert "is not there: install the CAs" in found(port, tmp_path / "none").sentence


def test_the_summary() -> None:
    findings = [Finding("a", State.OK, "."), Finding("b", State.NOTE, "."), Finding("c", State.NOT_TRIED, ".")]
    assert summary(findings) == "OK: nothing has to be done. 1 could not be tried here."
    assert as_document(findings)["ok"] is True
    findings += [Finding("d", State.TODO, ".")] * 2
    assert summary(findings) == "PROBLEM: 2 things to do. 1 could not be tried here."
    assert as_document(findings)["ok"] is False


ON_ANOTHER_PYTHON = """
import sys
from PilotLoggingDIRAC.activation.reachability import reach
finding = reach(sys.argv[1], sys.argv[2], 60)
print(finding.state.name, finding.sentence)
"""


def strict_context(*arguments: object, **options: object) -> ssl.SSLContext:
    """What ``ssl.create_default_context`` gives from Python 3.13 on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_a_ca_older_than_rfc_5280_as_grid_cas_are(
    authorities: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = authorities
    with listening(with_certificate(ours.issue("127.0.0.1", NOW - DAY, NOW + 60 * DAY))) as port:
        # Such a CA is refused where nobody clears the flag.
        strict = strict_context()
        strict.load_verify_locations(capath=str(ours.folder))
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            with pytest.raises(ssl.SSLCertVerificationError, match="Authority Key Identifier"):
                strict.wrap_socket(connection, server_hostname="127.0.0.1")
        monkeypatch.setattr(ssl, "create_default_context", strict_context)
        assert found(port, ours.folder).state is State.OK
        for beside_system in (True, False):
            assert not client_context(None, beside_system=beside_system).verify_flags & ssl.VERIFY_X509_STRICT


def other_python(version: str) -> str | None:
    """A Python of that version on the PATH or in pyenv, if there is one that runs."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [shutil.which(f"python{version}"), *map(str, pyenv.glob(f"{version}.*/bin/python"))]
    runs = (
        each for each in candidates if each and not subprocess.run([each, "-c", "import ssl"], check=False).returncode
    )
    return next(runs, None)


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_same_under_newer_pythons(authorities: tuple[Authority, Authority], version: str) -> None:
    python = other_python(version)
    if python is None:
        pytest.skip(f"there is no Python {version}")
    ours, _ = authorities
    with listening(with_certificate(ours.issue("127.0.0.1", NOW - DAY, NOW + 60 * DAY))) as port:
        command = [python, "-c", ON_ANOTHER_PYTHON, f"https://127.0.0.1:{port}/", ours.folder]
        environment = {
            "PYTHONPATH": str(Path(PilotLoggingDIRAC.__file__).parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.startswith("OK It can be reached"), done.stdout + done.stderr
