# SPDX-License-Identifier: GPL-3.0-only
"""Work for one VO in a process of its own.

``X509_USER_PROXY`` is one for a whole process, and a storage library that hangs or crashes takes its process with it:
so the agent delivers the logs of each VO, and the collector fetches what needs a proxy, in a child.

This is the parent's half; :mod:`.vo_worker` is the child's. The parent hands the child its whole configuration in a
file that only its user can read, and gets one JSON document on the child's standard output; what the child logs goes on
to the parent's standard error. All temporary files of a child are in a folder of its own, which the parent removes,
however the child ended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..deliver.stale_files import remove_stale
from ..dirac_bridge import cs
from ..errors import NotFound, NotKept, PilotLoggingError, Rejected, Unavailable

_WORKER = f"{__package__}.vo_worker"
STORAGE_DEFAULTS = {
    "XRD_CONNECTIONWINDOW": "5",
    "XRD_CONNECTIONRETRY": "2",
    "XRD_STREAMERRORWINDOW": "10",
    "AWS_MAX_ATTEMPTS": "2",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}
"""For storage libraries, where the environment does not say otherwise. With their own figures one file hangs for 200 s
on an xrootd server that is down; the agent has its own pauses and comes again. And boto3 takes a part of a file for
damaged where an S3 server sends the checksum of the whole with it; DIRAC compares its own checksum in any case."""
_FOLDERS = "PilotLogProcesses"
_KINDS: dict[str, type[PilotLoggingError]] = {
    kind.__name__: kind for kind in (Rejected, NotFound, NotKept, Unavailable)
}


class VOProcess:
    """A child that works for one VO; used by the parent."""

    def __init__(self, vo: str, task: str, arguments: Sequence[str] = ()) -> None:
        """Start it.

        Args:
            vo: The VO.
            task: ``deliver``, ``fetch``, ``find`` or ``probe``, see :func:`.vo_worker.main`.
            arguments: Those of the task.
        """
        self.vo = vo
        self._folder = _own_folder(f"{task}-{vo}-")
        configuration = self._folder / "dirac.cfg"
        try:
            cs.dump_configuration(configuration)
            self._process = subprocess.Popen(
                [sys.executable, "-m", _WORKER, "--parent", str(os.getpid()), task, vo, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=STORAGE_DEFAULTS
                | os.environ
                | {"DIRACSYSCONFIG": str(configuration), "DIRAC_NO_CFG": "1", "TMPDIR": str(self._folder)},
                text=True,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end soon; it gives back what it had taken on."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once. What it had taken on goes to others when its lease ends."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Its result.

        Raises:
            Unavailable: It failed, was ended, or takes longer than ``timeout`` seconds (then it is ended).
            NotFound: It said so.
        """
        try:
            output, _ = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.communicate()
            raise Unavailable(f"The work for VO {self.vo} took longer than {timeout} s.") from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError as error:
            code = self._process.returncode
            raise Unavailable(f"The process for VO {self.vo} ended with exit code {code} and no result.") from error
        if "error" in answer:
            raise _KINDS.get(answer["error"], Unavailable)(answer["message"])
        return answer


def _own_folder(prefix: str) -> Path:
    """A new folder for a child's configuration and temporary files. Those are removed whose parents were killed."""
    folder = cs.work_folder() / _FOLDERS
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    return Path(tempfile.mkdtemp(dir=folder, prefix=prefix))
