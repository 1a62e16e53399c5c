# SPDX-License-Identifier: GPL-3.0-only
"""Starts a pilot as the script of DIRAC's PilotWrapper does. Runs on the worker node's Python: 3.6 and later.

Arguments: a JSON object with

    pilot       the words of the pilot's command line
    directory   its working directory
    report      where to write, as JSON, how it went; ``report`` + ".pid" has the pilot's process id while it runs
    stdin       wrapper (as DIRAC does: the log so far, through a pipe), open (the same, and the pipe stays open),
                null or closed
    remove      whether to remove the working directory afterwards, as DIRAC does

The wrapper itself ends with 1 if the pilot failed, again as DIRAC's does.
"""

import io
import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import time


def pilot_logger(copy):
    """A logger to standard output and to a buffer, in the wrapper's format."""

    class MicrosecondFormatter(logging.Formatter):
        converter = time.gmtime

        def formatTime(self, record, datefmt=None):
            seconds = time.strftime("%Y-%m-%dT%H:%M:%S", self.converter(record.created))
            return f"{seconds},{int(record.created % 1 * 1e6):06}Z"

    logger = logging.getLogger("pilotLogger")
    logger.setLevel(logging.DEBUG)
    for stream in (sys.stdout, copy):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(MicrosecondFormatter("%(asctime)s %(levelname)-8s [%(name)s] %(message)s"))
        logger.addHandler(handler)
    return logger


def replace(path, text):
    """Write a file so that nobody sees a part of it."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def start(command, stdin):
    inputs = {"wrapper": subprocess.PIPE, "open": subprocess.PIPE, "null": subprocess.DEVNULL, "closed": None}
    return subprocess.Popen(
        command,
        bufsize=1,
        stdin=inputs[stdin],
        stdout=sys.stdout,
        stderr=sys.stderr,
        universal_newlines=True,
        preexec_fn=(lambda: os.close(0)) if stdin == "closed" else None,
    )


def main():
    # Whoever runs the tests may ignore SIGINT, as shells do for what runs in the background; batch systems do not.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    order = json.loads(sys.argv[1])
    copy = io.StringIO()
    logger = pilot_logger(copy)
    logger.debug("===========================================================")
    logger.debug("Environment of execution host\n")
    for name, value in os.environ.items():
        logger.debug(name + "=" + value)
    logger.debug("===========================================================\n")
    logger.debug(sys.version)
    os.chdir(order["directory"])
    logger.info(f"Launching dirac-pilot script from {os.getcwd()}")
    logger.info(f"dirac-pilot.py  will be called: with {order['pilot'][2:]} ")

    begun = time.monotonic()
    pilot = start(order["pilot"], order["stdin"])
    replace(order["report"] + ".pid", str(pilot.pid))
    if order["stdin"] == "wrapper":
        pilot.communicate(copy.getvalue())
    elif order["stdin"] == "open":
        pilot.stdin.write(copy.getvalue())
        pilot.stdin.flush()
    status = pilot.wait()
    seconds = time.monotonic() - begun

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    left = sorted(os.listdir("."))
    pilot_out = ""
    if os.path.exists("pilot.out"):
        with open("pilot.out", encoding="utf-8", errors="surrogateescape", newline="") as file:
            pilot_out = file.read()
    if order["remove"]:
        shutil.rmtree(order["directory"])
    report = {
        "status": status,
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "memory_kib": used.ru_maxrss,
        "left": left,
        "pilot_out": pilot_out,
    }
    replace(order["report"], json.dumps(report))
    if status:
        sys.exit(1)


main()
