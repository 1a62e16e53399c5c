"""Files on storage elements, through DIRAC's DataManager and file catalogue, with the proxy of a VO's shifter."""

from __future__ import annotations

import os
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.ConfigurationSystem.Client.Helpers import Registry
from DIRAC.Core.Security.ProxyInfo import getProxyInfo
from DIRAC.Core.Utilities.Adler import fileAdler
from DIRAC.Core.Utilities.Proxy import getProxy
from DIRAC.DataManagementSystem.Client.DataManager import DataManager
from DIRAC.Resources.Catalog.FileCatalog import FileCatalog

from ..errors import ConfigurationError, Unavailable
from . import cs
from .results import value_of

_USE_SERVER_CERTIFICATE = "/DIRAC/Security/UseServerCertificate"
_identity = threading.RLock()
"""``X509_USER_PROXY`` and ``UseServerCertificate`` are one for the whole process."""


class CataloguedFiles:
    """The files of one VO. All methods block, for minutes where a storage element does; each raises Unavailable, with
    what DIRAC said, when it does not work."""

    def __init__(self, vo: str) -> None:
        self._vo = vo

    def find(self, lfn: str) -> tuple[int, str] | None:
        """Size and Adler-32 checksum of a file as the catalogue has them; None when it has no such file."""
        with as_shifter(self._vo):
            catalogue = FileCatalog(vo=self._vo)
            result = value_of(catalogue.exists(lfn), f"looking for {lfn} in the file catalogue")
            if not _of_one(result, lfn, f"looking for {lfn} in the file catalogue"):
                return None
            result = value_of(catalogue.getFileMetadata(lfn), f"asking the file catalogue for {lfn}")
            metadata = _of_one(result, lfn, f"asking the file catalogue for {lfn}")
            return int(metadata["Size"]), str(metadata["Checksum"]).lower()

    def upload(self, lfn: str, file: Path, storage_element: str, overwrite: bool = False) -> None:
        """Put a file on a storage element and register it."""
        doing = f"uploading {lfn} to {storage_element}"
        # A GUID of our own: DIRAC makes one from the content, and two equal logs would be taken for one file.
        guid = str(uuid.uuid4()).upper()
        with as_shifter(self._vo):
            result = DataManager(vo=self._vo).putAndRegister(
                lfn, str(file), storage_element, guid=guid, overwrite=overwrite
            )
            steps = _of_one(value_of(result, doing), lfn, doing)
            if not {"put", "register"} <= set(steps):
                raise Unavailable(f"{doing}: only this was done: {', '.join(steps)}")

    @contextmanager
    def download(self, lfn: str) -> Iterator[Path]:
        """A local copy of a file; it is gone when the block ends."""
        doing = f"downloading {lfn}"
        with tempfile.TemporaryDirectory(prefix="pilotlogs-") as folder:
            with as_shifter(self._vo):
                result = DataManager(vo=self._vo).getFile(lfn, destinationDir=folder)
            yield Path(_of_one(value_of(result, doing), lfn, doing))

    def remove(self, lfn: str) -> None:
        """Remove a file from its storage elements and from the catalogue."""
        doing = f"removing {lfn}"
        with as_shifter(self._vo):
            _of_one(value_of(DataManager(vo=self._vo).removeFile(lfn, force=True), doing), lfn, doing)


def checksum_of(file: Path) -> str:
    """The Adler-32 checksum of a file as the catalogue writes it."""
    return str(fileAdler(str(file))).lower()


def _of_one(value: Any, lfn: str, doing: str) -> Any:
    """The result for one LFN in DIRAC's answer for many."""
    # putAndRegister may name an LFN under both: put, but not registered.
    if lfn in value["Failed"]:
        raise Unavailable(f"{doing}: {value['Failed'][lfn]}")
    if lfn not in value["Successful"]:
        raise Unavailable(f"{doing}: no answer for this file")
    return value["Successful"][lfn]


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
    names = value_of(Registry.getDNForUsername(user), f"looking for the shifter of VO {vo}")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix="proxy-", delete=False) as new:
        try:
            value_of(
                getProxy(names, group, Registry.getVOMSAttributeForGroup(group), new.name),
                f"getting a proxy of {user} ({group}), the shifter of VO {vo}",
            )
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
    return file
