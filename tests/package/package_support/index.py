# SPDX-License-Identifier: GPL-3.0-only
"""A private package index on loopback, and wheels of little more than a name for it."""

from __future__ import annotations

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def make_wheel(folder: Path, name: str, version: str, requires: Iterable[str] = (), extras: Iterable[str] = ()) -> Path:
    """A wheel that pip installs, with nothing in it."""
    folder.mkdir(parents=True, exist_ok=True)
    distribution = name.replace("-", "_")
    file = folder / f"{distribution}-{version}-py3-none-any.whl"
    described = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    described += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {text}" for text in requires]
    with zipfile.ZipFile(file, "w") as wheel:
        info = f"{distribution}-{version}.dist-info"
        wheel.writestr(f"{info}/METADATA", "\n".join(described) + "\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return file


def make_stand_ins(folder: Path, requires: Iterable[str]) -> None:
    """Wheels for what a package requires, each of the lowest version that it takes."""
    for text in requires:
        requirement = Requirement(text)
        bounds = [one.version for one in requirement.specifier if one.operator == ">="]
        make_wheel(folder / canonicalize_name(requirement.name), requirement.name, (bounds or ["1.0"])[0])


def sha256(file: Path) -> str:
    """What pip compares."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: what was fetched can be seen from what is installed."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, for as long as the context lasts."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
