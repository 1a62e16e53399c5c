# SPDX-License-Identifier: GPL-3.0-only
"""A throw-away DIRAC extension with a plugin of its own, installed as pip would install any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAME = "RecordingDIRAC"

_SETUP = """
[metadata]
name = RecordingDIRAC
version = 1.0
[options]
packages = find:
[options.entry_points]
dirac =
    metadata = RecordingDIRAC:extension_metadata
"""

_INIT = """
def extension_metadata():
    return {"primary_extension": False, "priority": 30, "setups": {}}
"""

_PLUGIN = '''
"""Stores logs as files, slowly if asked to, not while there is a file "fails"; a journal says what was asked.

With Gathers, none is stored before so many are in at once, or there is a file "open"."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

from PilotLoggingDIRAC.deliver.contract import ArchivePlugin, ArchiveSettings
from PilotLoggingDIRAC.errors import NotFound, Unavailable
from PilotLoggingDIRAC.settings import Number, Seconds
from pydantic import Field


class RecordingSettings(ArchiveSettings):
    folder: str = Field(alias="Folder")
    takes: Seconds = Field(0.0, alias="Takes")
    gathers: Number = Field(0, alias="Gathers")


class RecordingPlugin(ArchivePlugin[RecordingSettings]):
    Settings = RecordingSettings

    def __init__(self, vo, settings):
        super().__init__(vo, settings)
        self.folder = Path(settings.folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def note(self, what, log):
        line = f"{what} {log.key.vo} {log.key.stamp} {os.getpid()} {log.finalised}\\n"
        descriptor = os.open(self.folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def store(self, log, content):
        self.note("begin", log)
        time.sleep(self.settings.takes)
        self.gather()
        fails = self.folder / "fails"
        if fails.exists():
            if fails.read_text() == "plainly":
                raise Unavailable("The recording tape is full.")
            raise ZeroDivisionError("nobody thought of this")
        (self.folder / log.key.stamp).write_bytes(content.read())
        self.note("stored", log)
        return log.key.stamp

    def gather(self):
        """Those that are in cannot leave: when so many have begun, they are in at once."""
        opened = self.folder / "open"
        while self.settings.gathers and not opened.exists():
            begun = (self.folder / "journal").read_text().count("begin ")
            if begun >= self.settings.gathers:
                opened.touch()
            time.sleep(0.02)

    @contextmanager
    def fetch(self, reference):
        try:
            file = (self.folder / reference).open("rb")
        except FileNotFoundError as error:
            raise NotFound(str(error)) from error
        with file:
            yield file

    def locate(self, stamp):
        return stamp if (self.folder / stamp).exists() else None

    def remove(self, reference):
        (self.folder / reference).unlink(missing_ok=True)
'''


def install(source: Path, target: Path) -> Path:
    """Install the extension into a directory of its own, for a PYTHONPATH.

    Args:
        source: An empty folder to build it in.
        target: Where it goes.
    """
    package = source / NAME
    plugins = package / "WorkloadManagementSystem" / "Client" / "PilotLoggingPlugins"
    plugins.mkdir(parents=True)
    (source / "setup.cfg").write_text(_SETUP)
    (source / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    for folder in (plugins, plugins.parent, plugins.parent.parent):
        (folder / "__init__.py").touch()
    (package / "__init__.py").write_text(_INIT)
    (plugins / "RecordingPlugin.py").write_text(_PLUGIN)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return target
