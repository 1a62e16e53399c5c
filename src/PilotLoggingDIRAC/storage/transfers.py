# SPDX-License-Identifier: GPL-3.0-only
"""Files on storage elements, through DIRAC's DataManager and file catalogue, with the proxy of a VO's shifter."""

from __future__ import annotations

import os
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.Core.Security.ProxyInfo import getProxyInfo
from DIRAC.Core.Utilities.Adler import fileAdler
from DIRAC.DataManagementSystem.Client.DataManager import DataManager
from DIRAC.FrameworkSystem.Client.ProxyManagerClient import gProxyManager
from DIRAC.Resources.Catalog.FileCatalog import FileCatalog
from DIRAC.Resources.Storage.StorageElement import StorageElement

from ..dirac_bridge import cs
from ..dirac_bridge.results import value_of
from ..errors import ConfigurationError, Unavailable

_PROXY_SECONDS = 3600
"""A proxy from ProxyManager has so long to live at least; DIRAC's own number for shifters."""
_USE_SERVER_CERTIFICATE = "/DIRAC/Security/UseServerCertificate"
_identity = threading.RLock()
"""``X509_USER_PROXY`` and ``UseServerCertificate`` are one for the whole process."""


class Registered(NamedTuple):
    """A file as the catalogue has it. The checksum is Adler-32, eight hexadecimal digits."""

    size: int
    checksum: str


class CataloguedFiles:
    """The files of one VO. All methods block, for minutes where a storage element does; each raises Unavailable, with
    what DIRAC said, when it does not work."""

    def __init__(self, vo: str) -> None:
        self._vo = vo

    def find(self, lfns: Sequence[str]) -> dict[str, Registered]:
        """Those of some files that the catalogue has."""
        doing = f"Looking for {lfns[0]} in the file catalogue failed"
        with as_shifter(self._vo):
            catalogue = FileCatalog(vo=self._vo)
            answers = value_of(catalogue.exists(list(lfns)), doing)
            known = [lfn for lfn in lfns if _of_one(answers, lfn, doing)]
            if not known:
                return {}
            answers = value_of(catalogue.getFileMetadata(known), doing)
        found = {}
        for lfn in known:
            metadata = _of_one(answers, lfn, doing)
            found[lfn] = Registered(int(metadata["Size"]), str(metadata["Checksum"]).lower().zfill(8))
        return found

    def find_folders(self, paths: Sequence[str]) -> list[str]:
        """Those of some folders that the catalogue has, in that order. What is in them is not looked at."""
        doing = f"Looking for {paths[0]} in the file catalogue failed"
        with as_shifter(self._vo):
            answers = value_of(FileCatalog(vo=self._vo).isDirectory(list(paths)), doing)
        return [path for path in paths if _of_one(answers, path, doing)]

    def is_on(self, storage_element: str, lfn: str) -> bool:
        """Whether a storage element has a file under this name, catalogued or not."""
        doing = f"Looking for {lfn} on {storage_element} failed"
        with as_shifter(self._vo):
            result = StorageElement(storage_element, vo=self._vo).exists(lfn)
            return bool(_of_one(value_of(result, doing), lfn, doing))

    def upload(self, lfn: str, file: Path, storage_element: str, overwrite: bool = False) -> None:
        """Put a file on a storage element and register it. What the storage element has under this name and the
        catalogue does not know is overwritten; what the catalogue knows only with ``overwrite``."""
        doing = f"Uploading {lfn} to {storage_element} failed"
        # A GUID of our own: DIRAC makes one from the content, and two equal logs would be taken for one file.
        guid = str(uuid.uuid4()).upper()
        with as_shifter(self._vo):
            manager = DataManager(vo=self._vo)
            result = manager.putAndRegister(lfn, str(file), storage_element, guid=guid, overwrite=overwrite)
            answers = value_of(result, doing)
            unregistered = answers["Failed"].get(lfn)
            if unregistered:
                # It is put, but the catalogue refused it, and the answer does not say why: asking again does.
                doing = f"Registering {lfn}, which is on {storage_element} now, in the file catalogue failed"
                names = ("LFN", "PFN", "Size", "TargetSE", "GUID", "Adler")
                entry = tuple(unregistered["register"][name] for name in names)
                answers = value_of(manager.registerFile(entry), doing)
            _of_one(answers, lfn, doing)

    @contextmanager
    def download(self, lfn: str, storage_element: str | None = None) -> Iterator[Path]:
        """A local copy of a catalogued file, or of what one storage element has under its name, catalogued or not.
        It is gone when the block ends."""
        doing = f"Downloading {lfn} failed"
        with tempfile.TemporaryDirectory(prefix="pilotlogs-") as folder:
            with as_shifter(self._vo):
                if storage_element is None:
                    result = DataManager(vo=self._vo).getFile(lfn, destinationDir=folder)
                else:
                    result = StorageElement(storage_element, vo=self._vo).getFile(lfn, localPath=folder)
            _of_one(value_of(result, doing), lfn, doing)
            yield Path(folder, Path(lfn).name)

    def remove(self, lfn: str) -> None:
        """Remove a file from its storage elements and from the catalogue. It may have gone already."""
        doing = f"Removing {lfn} failed"
        with as_shifter(self._vo):
            _of_one(value_of(DataManager(vo=self._vo).removeFile(lfn, force=True), doing), lfn, doing)


def checksum_of(file: Path) -> str:
    """The Adler-32 checksum of a file as :class:`Registered` has it."""
    return str(fileAdler(str(file))).lower()


def _of_one(answers: Any, lfn: str, doing: str) -> Any:
    """The result for one LFN in DIRAC's answer for many."""
    # An LFN may be named under both: done by one catalogue, and not by another.
    if lfn in answers["Failed"]:
        reason = answers["Failed"][lfn]
        if isinstance(reason, dict):
            reason = ", ".join(f"{name}: {text}" for name, text in reason.items())
        raise Unavailable(f"{doing}: {reason}")
    if lfn not in answers["Successful"]:
        raise Unavailable(f"{doing}: DIRAC gives no answer for this file")
    return answers["Successful"][lfn]


@contextmanager
def as_shifter(vo: str) -> Iterator[None]:
    """Be the VO's shifter, in this process, for as long as the block runs.

    Raises:
        Unavailable: The shifter's proxy cannot be had: none is named or uploaded, or it has expired.
    """
    with _identity:
        proxy = _shifter_proxy(vo)
        before = os.environ.get("X509_USER_PROXY")
        host = gConfigurationData.extractOptionFromCFG(_USE_SERVER_CERTIFICATE)
        os.environ["X509_USER_PROXY"] = str(proxy)
        gConfigurationData.setOptionInCFG(_USE_SERVER_CERTIFICATE, "false")
        try:
            yield
        finally:
            gConfigurationData.setOptionInCFG(_USE_SERVER_CERTIFICATE, host or "false")
            if before is None:
                os.environ.pop("X509_USER_PROXY", None)
            else:
                os.environ["X509_USER_PROXY"] = before


def _shifter_proxy(vo: str) -> Path:
    """A file with the shifter's proxy: the one that is there while it lasts, else a new one from ProxyManager."""
    try:
        user, group = cs.shifter(vo)
    except ConfigurationError as error:
        raise Unavailable(str(error)) from error
    file = cs.work_folder() / f"shifter-{vo}-{user}-{group}.proxy"
    info = getProxyInfo(str(file), disableVOMS=True) if file.exists() else None
    if info and info["OK"] and info["Value"]["secondsLeft"] > cs.agent_settings().proxy_timeleft_limit:
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix="proxy-", delete=False) as new:
        try:
            _download_proxy(vo, user, group, new.name)
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
    return file


def _download_proxy(vo: str, user: str, group: str, file: str) -> None:
    doing = f"Getting a proxy of {user} ({group}), the shifter of VO {vo}, from ProxyManager failed"
    lifetime = {"requiredTimeLeft": _PROXY_SECONDS, "cacheTime": _PROXY_SECONDS, "filePath": file}
    attribute = Registry.getVOMSAttributeForGroup(group)
    reasons = []
    # Not DIRAC's own getProxy: that keeps to itself why it failed.
    for name in value_of(Registry.getDNForUsername(user), doing):
        if attribute:
            result = gProxyManager.downloadVOMSProxyToFile(name, group, requiredVOMSAttribute=attribute, **lifetime)
        else:
            result = gProxyManager.downloadProxyToFile(name, group, **lifetime)
        if result["OK"]:
            return
        reasons.append(result["Message"])
    raise Unavailable(f"{doing}: {', '.join(reasons)}")
