# SPDX-License-Identifier: GPL-3.0-only
"""One plugin of a VO, in a process that has a stack's configuration and host certificate, as an agent's children have.

    serve_plugin.py VO PLUGIN [/Path/To/Option=value ...]

Reads one JSON document a line, [method, argument, ...], and answers each with one: {"value": ...} or {"error": ...}.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import DIRAC
from DIRAC.ConfigurationSystem.Client.ConfigurationData import gConfigurationData
from DIRAC.Resources.Storage.StorageElement import StorageElement

from PilotLoggingDIRAC.deliver.contract import ClosedLog
from PilotLoggingDIRAC.dirac_bridge.stdout import take_stdout
from PilotLoggingDIRAC.model import LogKey
from PilotLoggingDIRAC.storage.plugin_loading import load_plugin
from PilotLoggingDIRAC.storage.transfers import as_shifter


class Server:
    def __init__(self, vo: str, plugin: str) -> None:
        self._plugin = load_plugin(vo, plugin)

    def store(self, path: str, key: list[str], log: dict[str, Any]) -> str:
        begun = log["begun"] and datetime.fromisoformat(log["begun"])
        with Path(path).open("rb") as content:
            return self._plugin.store(ClosedLog(LogKey(*key), **log | {"begun": begun}), content)

    def fetch(self, reference: str, path: str) -> None:
        with self._plugin.fetch(reference) as source, Path(path).open("wb") as target:
            shutil.copyfileobj(source, target)

    def locate(self, stamp: str) -> str | None:
        return self._plugin.locate(stamp)

    def remove(self, reference: str) -> None:
        self._plugin.remove(reference)

    # Past the plugin, with the shifter's proxy, for the storage element's.

    def catalogued(self, lfns: list[str]) -> dict[str, Any]:
        return self._plugin._files.find(lfns)

    def upload(self, lfn: str, path: str, storage_element: str) -> None:
        self._plugin._files.upload(lfn, Path(path), storage_element)

    def put_uncatalogued(self, lfn: str, path: str, storage_element: str) -> None:
        with as_shifter(self._plugin.vo):
            result = StorageElement(storage_element, vo=self._plugin.vo).putFile({lfn: path})
        assert result["OK"] and not result["Value"]["Failed"], result


def main() -> None:
    vo, plugin, *options = sys.argv[1:]
    answers = take_stdout()
    DIRAC.initialize(require_auth=False, host_credentials=True, log_level=DIRAC.LogLevel.WARN)
    for option in options:
        path, _, value = option.partition("=")
        gConfigurationData.setOptionInCFG(path, value)
    server = Server(vo, plugin)
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        try:
            answer = {"value": getattr(server, method)(*arguments)}
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
