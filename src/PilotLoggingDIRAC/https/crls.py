# SPDX-License-Identifier: GPL-3.0-only
"""Certificate revocation lists of the CA folder, as fetch-crl puts them there: ``<hash>.r0`` beside ``<hash>.0``.

They are held against the *verified* chain: OpenSSL's own check of the leaf would not see a revoked user behind a proxy,
and its check of the chain refuses every CA without a fresh list. Here a CA without a list, or with one that nobody
signed, goes on as if there were none; what an outdated list says still holds.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from DIRAC import gLogger

from ..dirac_bridge.verified_chain import VerifiedChain

_LIST = re.compile(r"([0-9a-f]{8})\.r[0-9]+")
_LARGEST = 64 * 2**20
"""Bytes of a list that is read."""
_log = gLogger.getSubLogger("CRLs")


class _Version(NamedTuple):
    inode: int
    changed: int
    size: int


class _Loaded(NamedTuple):
    version: _Version
    issuer: bytes
    serials: frozenset[int]


class RevocationLists:
    """The lists of a folder. :meth:`refresh` may run in a thread, all else is for the event loop.

    Args:
        folder: With CAs and lists.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._loaded: dict[str, _Loaded] = {}
        self._revoked: dict[bytes, frozenset[int]] = {}
        self._refreshing = threading.Lock()

    def refresh(self) -> None:
        """Load what is new and what has changed, forget what is gone. Blocks."""
        with self._refreshing:
            loaded: dict[str, _Loaded] = {}
            for entry in self._entries():
                status = entry.stat()
                version = _Version(status.st_ino, status.st_mtime_ns, status.st_size)
                known = self._loaded.get(entry.name)
                if known is not None and known.version == version:
                    loaded[entry.name] = known
                else:
                    loaded[entry.name] = self._load(Path(entry.path), version)
            if loaded == self._loaded:
                return
            revoked: dict[bytes, frozenset[int]] = {}
            for one in loaded.values():
                revoked[one.issuer] = revoked.get(one.issuer, frozenset()) | one.serials
            self._loaded, self._revoked = loaded, revoked

    def refresh_in_thread(self) -> None:
        """As :meth:`refresh`, while the event loop goes on."""
        if not self._refreshing.locked():
            threading.Thread(target=self.refresh, name="crls", daemon=True).start()

    def revokes(self, chain: VerifiedChain) -> bool:
        """Whether a CA has revoked a certificate of a chain, or of the CAs above it."""
        nothing: frozenset[int] = frozenset()
        return any(serial in self._revoked.get(issuer, nothing) for issuer, serial in chain.issued)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder) as entries:
                return [entry for entry in entries if _LIST.fullmatch(entry.name) and entry.is_file()]
        except OSError:
            return []

    def _load(self, file: Path, version: _Version) -> _Loaded:
        try:
            if version.size > _LARGEST:
                raise ValueError("it is too large")
            content = file.read_bytes()
            load = x509.load_pem_x509_crl if b"-----BEGIN" in content[:1000] else x509.load_der_x509_crl
            crl = load(content)
            if not any(self._signed(crl, ca) for ca in self._authorities(file.name.partition(".")[0])):
                raise ValueError("it is not signed by the CA beside it")
            return _Loaded(version, crl.issuer.public_bytes(), frozenset(entry.serial_number for entry in crl))
        except Exception as error:  # cryptography has many exceptions for what is wrong in a list
            _log.warn("A revocation list does not count", f"{file}: {error}")
            return _Loaded(version, b"", frozenset())

    def _authorities(self, name_hash: str) -> list[x509.Certificate]:
        return [
            authority
            for file in sorted(self._folder.glob(f"{name_hash}.[0-9]"))
            for authority in x509.load_pem_x509_certificates(file.read_bytes())
        ]

    @staticmethod
    def _signed(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
        try:
            return crl.issuer == authority.subject and crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
        except (InvalidSignature, TypeError, UnsupportedAlgorithm):
            return False
