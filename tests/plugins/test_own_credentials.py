# SPDX-License-Identifier: GPL-3.0-only
"""What the commands say to who comes with credentials that are no good: one sentence, which says what to do.

All six of them, as processes, on a real Configuration Server, with real proxies and certificates.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from grid_support.grid import Grid
from harness.show import client_environment, command
from harness.stacks import RunningStack
from parts.certificates import Authority, Issued, make_keys, pem, write_secret
from parts.configuration import put, write
from parts.proxies import write_proxy

COMMANDS = {
    "config": ["show", "--vo", "alpha"],
    "list": [],
    "show": ["0" * 32],
    "search": ["anything"],
    "download": ["0" * 32],
    "status": [],
}
AS_HOST = ["-o", "/DIRAC/Security/UseServerCertificate=yes"]


class Person:
    """Somebody in front of a client, about to be told something.

    Attributes:
        environment: Of the commands.
        options: Of each command.
        begins: Words before each command.
        files: What was made for this one.
    """

    def __init__(self, stack: RunningStack, files: Path, spare: Spare) -> None:
        self.stack, self.files, self.spare = stack, files, spare
        self.environment = client_environment(stack, "alpha_user")
        self.options: list[str] = []
        self.begins: list[str] = []

    def proxy(self, path: Path | str) -> None:
        self.environment["X509_USER_PROXY"] = str(path)

    def says(self, word: str) -> tuple[int, str, str]:
        """Exit code and both streams of a command."""
        done = subprocess.run(
            [*self.begins, command(word), *COMMANDS[word], *self.options],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=self.files,
        )
        return done.returncode, done.stdout, done.stderr


class Spare:
    """Keys, which take long to make, and another CA with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.proxy_key, authority = make_keys(3)
        self.authority = Authority(authority)
        self.authorities = folder / "authorities"
        self.authority.write_directory(self.authorities)


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Spare:
    return Spare(tmp_path_factory.mktemp("spare"))


def issued(person: Person, name: str = "alpha_user") -> Issued:
    users = person.stack.layout.users
    return Issued(users / f"{name}.cert.pem", users / f"{name}.key.pem")


def of_an_unknown_group(person: Person) -> None:
    write_proxy(issued(person), "alpha_nobody", person.spare.proxy_key, person.files / "proxy")
    person.proxy(person.files / "proxy")


def of_anothers_group(person: Person) -> None:
    # Not alpha_user: DIRAC remembers for a minute whether a person is in a group, and later tests ask as that one.
    write_proxy(issued(person, "alpha_admin"), "beta_user", person.spare.proxy_key, person.files / "proxy")
    person.proxy(person.files / "proxy")


def of_another_ca(person: Person) -> None:
    theirs = person.spare.authority.issue_user("alpha_user", person.spare.key, person.files)
    write_proxy(theirs, "alpha_user", person.spare.proxy_key, person.files / "proxy")
    person.proxy(person.files / "proxy")


def with_a_key_of_another(person: Person) -> None:
    write_proxy(issued(person), "alpha_user", person.spare.proxy_key, person.files / "proxy")
    text = (person.files / "proxy").read_text()
    key = issued(person).key.read_text()
    (person.files / "proxy").write_text(re.sub(r"-----BEGIN [A-Z ]*KEY-.*?KEY-----\n", lambda _: key, text, flags=re.S))
    person.proxy(person.files / "proxy")


def without_a_key(person: Person) -> None:
    person.proxy(issued(person).certificate)


def that_is_a_folder(person: Person) -> None:
    person.proxy(person.files)


def expired(person: Person) -> None:
    person.proxy(person.stack.layout.credentials / "expired.pem")


def of_a_stranger(person: Person) -> None:
    person.proxy(person.stack.layout.credentials / "stranger.pem")


def no_proxy(person: Person) -> None:
    person.proxy(person.files / "none.pem")


def no_proxy_anywhere(person: Person) -> None:
    if Path(f"/tmp/x509up_u{os.getuid()}").exists():
        pytest.skip("somebody has left a proxy in /tmp")
    del person.environment["X509_USER_PROXY"]


def not_good_yet(person: Person) -> None:
    """As with a clock that is behind."""
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alpha_user")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(person.spare.key.public_key())
    builder = builder.not_valid_before(now + datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(2))
    certificate = builder.sign(person.spare.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    write_secret(person.files / "proxy", certificate + pem(person.spare.key))
    person.proxy(person.files / "proxy")


def of_somebody_else(person: Person) -> None:
    """Who is not root, for whom nothing is unreadable."""
    if os.getuid() or not shutil.which("setpriv"):
        pytest.skip("only root can become somebody else, with setpriv")
    person.files.chmod(0o755)
    shutil.copy(person.stack.layout.configuration, person.files / "dirac.cfg")
    (person.files / "dirac.cfg").chmod(0o644)
    person.environment["DIRACSYSCONFIG"] = str(person.files / "dirac.cfg")
    write_secret(person.files / "proxy", (person.stack.layout.credentials / "alpha_user.pem").read_bytes())
    person.proxy(person.files / "proxy")
    person.begins = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def of_a_host_that_has_expired(person: Person) -> None:
    users = person.stack.layout.users
    person.options = [*AS_HOST, "-o", f"/DIRAC/Security/CertFile={users}/expired_host.cert.pem"]
    person.options += ["-o", f"/DIRAC/Security/KeyFile={users}/expired_host.key.pem"]


def of_a_host_without_a_certificate(person: Person) -> None:
    person.options = [*AS_HOST, "-o", "/DIRAC/Security/CertFile=/nowhere/hostcert.pem"]


def of_an_unknown_host(person: Person) -> None:
    one = issued(person)
    person.options = [*AS_HOST, "-o", f"/DIRAC/Security/CertFile={one.certificate}"]
    person.options += ["-o", f"/DIRAC/Security/KeyFile={one.key}"]


def no_directory_of_cas(person: Person) -> None:
    person.environment["X509_CERT_DIR"] = "/nowhere/certificates"
    person.options = ["-o", "/DIRAC/Security/CALocation=/nowhere/certificates"]


def an_empty_directory_of_cas(person: Person) -> None:
    (person.files / "empty").mkdir()
    person.options = ["-o", f"/DIRAC/Security/CALocation={person.files}/empty"]


def other_cas(person: Person) -> None:
    person.options = ["-o", f"/DIRAC/Security/CALocation={person.spare.authorities}"]


def other_cas_for_requests(person: Person) -> None:
    (pem,) = {each.read_bytes() for each in person.spare.authorities.glob("*.0")}
    (person.files / "bundle.pem").write_bytes(pem)
    person.environment["REQUESTS_CA_BUNDLE"] = str(person.files / "bundle.pem")


def no_server_at_the_port(person: Person) -> None:
    person.options = ["-o", "/DIRAC/Configuration/Servers=https://localhost:1/Configuration/Server"]


def no_server_of_that_name(person: Person) -> None:
    person.options = ["-o", "/DIRAC/Configuration/Servers=https://cs.invalid:9135/Configuration/Server"]


def an_unreadable_configuration(person: Person) -> None:
    person.environment["DIRACSYSCONFIG"] = str(person.files / "none.cfg")


def no_configuration(person: Person) -> None:
    tree: dict[str, object] = {}
    put(tree, "/DIRAC/Security/CALocation", str(person.stack.layout.certificates))
    write(tree, person.files / "dirac.cfg")
    person.environment["DIRACSYSCONFIG"] = str(person.files / "dirac.cfg")


@pytest.fixture
def files() -> Iterator[Path]:
    """Not below pytest's own folder, which is closed to others."""
    with tempfile.TemporaryDirectory(prefix="pilotlogging-own-") as folder:
        yield Path(folder)


def one_sentence(person: Person, word: str, words: str) -> None:
    code, output, errors = person.says(word)
    assert (code, output) == (1, ""), errors
    assert re.fullmatch(rf"dirac-pilot-logs-{word}: .*\n", errors), errors
    assert re.search(words, errors), errors


@pytest.mark.parametrize(
    ("comes", "words"),
    [
        (expired, r"expired.pem expired .* ago, .*: make a new one with dirac-proxy-init\."),
        (no_proxy, r"There is no proxy .*/none.pem, which X509_USER_PROXY names: make one with dirac-proxy-init\."),
        (of_a_stranger, r"knows nobody.* with the DN /O=PilotLogging stack/CN=stranger .* dirac-proxy-init -g GROUP\."),
        (other_cas, r"cannot be asked\. localhost:\d+: Its certificate is of a CA that is not in .*: install that CA"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_command_says_it(
    grid: Grid, spare: Spare, files: Path, comes: Callable[[Person], None], words: str
) -> None:
    person = Person(grid.stack, files, spare)
    comes(person)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda word: one_sentence(person, word, words), COMMANDS))


KINDS = [
    (no_proxy_anywhere, r"You have no proxy \(/tmp/x509up_u\d+\): make one with dirac-proxy-init\."),
    (that_is_a_folder, r"There is no proxy .*: make one with dirac-proxy-init\."),
    (without_a_key, r"alpha_user.cert.pem is not a certificate with its key, .* Make one with dirac-proxy-init\."),
    (with_a_key_of_another, r"has a key that is not its own: .* Make one with dirac-proxy-init\."),
    (of_an_unknown_group, r"knows nobody in the group alpha_nobody .* dirac-proxy-init -g GROUP\."),
    (
        of_anothers_group,
        r"(knows nobody in the group beta_user .* dirac-proxy-init -g GROUP|beta_user, and the user \w+ is not in it)",
    ),
    (of_somebody_else, r"cannot be read: .*/proxy: Permission denied\. Make one with dirac-proxy-init\."),
    (not_good_yet, r"is good from .* UTC on only, and the clock here says .*: set the clock\."),
    (of_a_host_that_has_expired, r"expired_host.cert.pem expired .*: have it renewed\."),
    (of_a_host_without_a_certificate, r"hostcert.pem cannot be read: .*: No such file .* or use a proxy\."),
    (of_an_unknown_host, r"knows nobody with the DN .*alpha_user.*: have it registered\."),
    (no_directory_of_cas, r"directory of CAs, /nowhere/certificates, .* dirac-admin-get-CAs"),
    (an_empty_directory_of_cas, r"has no CA \(no file \*.0\) in it: run dirac-admin-get-CAs"),
    (other_cas_for_requests, r"REQUESTS_CA_BUNDLE is set, and counts more than .*: unset it\."),
    (no_server_at_the_port, r"cannot be asked\. localhost:1: No connection: Connection refused\. Does it run"),
    (no_server_of_that_name, r"The name cs.invalid cannot be resolved: .* Mend DNS or the URL\."),
    (no_configuration, r"No Configuration Service is named here .* dirac-configure\."),
    (an_unreadable_configuration, r"none.cfg, which DIRACSYSCONFIG names, cannot be read: No such file"),
]


@pytest.mark.parametrize(
    ("number", "comes", "words"),
    [(number, *kind) for number, kind in enumerate(KINDS)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_kind_is_a_sentence(
    grid: Grid, spare: Spare, files: Path, number: int, comes: Callable[[Person], None], words: str
) -> None:
    """By the commands in turn: they all begin with the same function."""
    person = Person(grid.stack, files, spare)
    comes(person)
    one_sentence(person, list(COMMANDS)[number % len(COMMANDS)], words)


URLS = "/Systems/WorkloadManagement/URLs/TornadoPilotLogging"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "https://localhost:1/WorkloadManagement/TornadoPilotLogging",
            "localhost:1 gives no answer: Connection refused.",
        ),
        ("", f"{URLS} is not set in the CS: dirac-pilot-logs-config enable sets it."),
    ],
)
def test_no_collector(grid: Grid, spare: Spare, files: Path, url: str, words: str) -> None:
    person = Person(grid.stack, files, spare)
    person.options = ["-o", f"{URLS}={url}"]
    one_sentence(person, "list", re.escape(words))
