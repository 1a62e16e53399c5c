# SPDX-License-Identifier: GPL-3.0-only
"""Pilots' working directories: files, configuration, identity."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .kinds import MINIATURE, MODULE, PARTS
from .pilots import Pilot

_COMMANDS = Path(__file__).resolve().parent / "TestCommands.py"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def through_module(urls: Sequence[str]) -> dict[str, str]:
    """Options with which the pilot's own remote logger stays off and our module does all: the recommended way."""
    return {"RemoteLogging": "true", "RemoteLoggerURLs": ", ".join(urls)}


def through_pilot(url: str) -> dict[str, str]:
    """Options with which the pilot's own remote logger begins, and our module takes over."""
    return {"RemoteLogging": "true", "RemoteLoggerURL": url}


@dataclass(frozen=True)
class Site:
    """What a worker node has.

    Attributes:
        certificates: The folder of trusted CAs (X509_CERT_DIR); None: the pilot gets one with nothing of use in it.
        proxy: A proxy, or a folder with hostcert.pem and hostkey.pem (X509_USER_PROXY).
    """

    certificates: Path | None = None
    proxy: Path | None = None
    ce: str = "ce.example.org"
    queue: str = "long"
    name: str = "LCG.Example.org"

    @classmethod
    def of(cls, stack: Any, caller: str = "alpha_pilot") -> Site:
        """With the certificates of a stack of ``dev/stack``, and the proxy of one of its identities."""
        return cls(stack.layout.certificates, stack.layout.credentials / f"{caller}.pem")


def prepare(
    folder: Path,
    *,
    site: Site,
    options: Mapping[str, Any],
    vo_options: Mapping[str, Any] | None = None,
    commands: Sequence[str] = ("CheckWorkerNode",),
    files: Path = MINIATURE,
    module: Path | None = MODULE,
    extra: Sequence[Path] = (),
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    python: Path | None = None,
    vo: str = "alpha",
    stamp: str | None = None,
) -> Pilot:
    """Make a pilot's working directory below a folder.

    Args:
        options: Of /Operations/Defaults/Pilot, as they stand in pilot.json.
        vo_options: Of /Operations/<vo>/Pilot.
        commands: Of the pilot, of ``TestCommands.py``, or of a file among ``extra``.
        files: Where the pilot's own files are; see ``kinds``.
        module: What is brought in as PilotLoggingCommands.py, with its parts where they lie beside it. None: they are
            not there, with everything else the same; pilots pass over extensions that they cannot import.
        extra: More files for the working directory; ``<Name>Commands.py`` becomes a command extension.
        arguments: More words for the pilot's command line.
        environment: On top of the little that a worker node has.
        python: The interpreter; that of the tests by default.
        stamp: A new one by default.
    """
    work = folder / "work"
    work.mkdir(parents=True)
    extensions = ["PilotLogging", "Test"]
    for file in [*files.glob("*.py"), _COMMANDS, *extra]:
        shutil.copy(file, work)
    if module is not None:
        shutil.copy(module, work / MODULE.name)
        for part in (module.with_name(part.name) for part in PARTS):
            if part.exists():
                shutil.copy(part, work)
    extensions += [file.stem[: -len("Commands")] for file in extra if file.stem.endswith("Commands")]
    configuration = {
        "ConfigurationServers": ["https://cs.example.org/Configuration/Server"],
        "CEs": {site.ce: {"Site": site.name, "GridCEType": "HTCondorCE"}},
        "Defaults": {
            "Pilot": {
                "Commands": {"Defaults": ",".join(commands)},
                "CommandExtensions": ",".join(extensions),
                "Version": "9.1.22",
            }
            | dict(options)
        },
        vo: {"Pilot": dict(vo_options or {})},
    }
    (work / "pilot.json").write_text(json.dumps(configuration, indent=1))
    # Stock pilots print it when a command gives up.
    (work / "pilot.cfg").write_text(f"LocalSite\n{{\n  Site = {site.name}\n}}\n")
    words = [f"--wnVO={vo}", "-N", site.ce, "-Q", site.queue, "-n", site.name, "-D", "1", *arguments]
    return Pilot(
        folder,
        python or Path(sys.executable),
        stamp or uuid.uuid4().hex,
        words,
        _environment(folder, site) | dict(environment or {}),
    )


def _environment(folder: Path, site: Site) -> dict[str, str]:
    """A worker node's: pilots refuse to start without these folders, or with empty ones."""
    home = folder / "home"
    for name in ("vomsdir", "vomses", "certificates", "tmp"):
        (home / name / "something").mkdir(parents=True)
    environment = {
        "PATH": _PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(home / "tmp"),
        "X509_CERT_DIR": str(site.certificates or home / "certificates"),
        "X509_VOMS_DIR": str(home / "vomsdir"),
        "X509_VOMSES": str(home / "vomses"),
    }
    if site.proxy is not None:
        environment["X509_USER_PROXY"] = str(site.proxy)
    return environment
