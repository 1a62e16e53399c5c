# SPDX-License-Identifier: GPL-3.0-only
"""The commands of the small pilot, and the decorator that ends a command's remote log."""

import os
import socket
import traceback

from pilotTools import CommandBase, sendMessage


def logFinalizer(func):
    """Let a command's messages go out when it ends, and finalise the log when it ends the pilot.

    As in DIRAC's pilot a flush that fails ends the pilot, and only SystemExit finalises the log.
    """

    def wrapper(self):
        if not self.log.isPilotLoggerOn:
            self.log.debug("Remote logger is not active")
            return func(self)
        try:
            result = func(self)
            self.log.buffer.flush()
            return result
        except SystemExit as end:
            self.log.info(f"Flushing the remote logger on sys.exit(): {end}")
            self.log.buffer.flush()
            try:
                sendMessage(self.log.url, self.log.pilotUUID, self.log.wnVO, "finaliseLogs", {"retCode": str(end)})
            except Exception as error:
                self.log.error(f"Remote logger couldn't be finalised {error}")
            raise
        except Exception as error:
            self.log.error(str(error))
            self.log.error(traceback.format_exc())
            raise
        finally:
            self.log.buffer.cancelTimer()

    return wrapper


class CheckWorkerNode(CommandBase):
    """Says where the pilot is."""

    @logFinalizer
    def execute(self):
        self.log.info(f"Uname      = {' '.join(os.uname())}")
        self.log.info(f"Host Name  = {socket.gethostname()}")
        self.log.info(f"WorkingDir = {self.pp.workingDir}")
        disk = os.statvfs(self.pp.workingDir)
        space = disk.f_bsize * disk.f_bavail // 2**20
        self.log.info(f"DiskSpace (MB) = {space}")
        if space < self.pp.minDiskSpace:
            self.log.error(f"{space} MB < {self.pp.minDiskSpace} MB, exiting")
            self.exitWithError(1)
