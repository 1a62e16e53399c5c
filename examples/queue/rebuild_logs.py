# SPDX-License-Identifier: GPL-3.0-only
"""Reads a queue of pilots' logs and rebuilds them, byte for byte, as FOLDER/VO/STAMP.log.

    rebuild_logs.py HOST:PORT QUEUE FOLDER        user and password in QUEUE_USER and QUEUE_PASSWORD

Each piece is kept as a file that has its number for a name: a repeat is the same file again, and the order of the
names is that of the log. What is on disk is acknowledged; all else the broker sends again, to who comes next.
"""

import base64
import json
import os
import re
import sys
import threading
from pathlib import Path

import stomp


class Rebuilder(stomp.ConnectionListener):
    def __init__(self, connection, folder):
        self.connection, self.folder, self.gone = connection, folder, threading.Event()

    def on_message(self, frame):
        piece = json.loads(frame.body)
        log = self.folder / piece["vo"] / piece["stamp"]
        log.mkdir(parents=True, exist_ok=True)
        (log / f"{piece['chunk']:012d}.{piece['part']:06d}").write_bytes(b"".join(map(exact, piece["entries"])))
        for place in piece.get("erased", {}).get("places", ()):
            erase(log, place["chunk"], place["bytes"])
        if "end" in piece:  # all of it has come; should the pilot say more, another end follows
            whole = b"".join(part.read_bytes() for part in sorted(log.iterdir()))
            log.with_suffix(".new").write_bytes(whole)
            log.with_suffix(".new").replace(log.with_suffix(".log"))
        self.connection.ack(frame.headers["ack"])

    def on_disconnected(self):
        self.gone.set()


def erase(log, chunk, ranges):
    """A secret had come through: in the text of a chunk, or with 0 of all of them, these bytes become stars."""
    begin = 0
    for part in sorted(log.glob(f"{chunk:012d}.*" if chunk else "*")):
        data = bytearray(part.read_bytes())
        for first, last in ranges or [(0, begin + len(data))]:
            there = slice(max(first - begin, 0), max(last - begin, 0))
            data[there] = re.sub(rb"[^\n]", b"*", data[there])
        part.write_bytes(data)
        begin += len(data)


def exact(entry):
    return base64.b64decode(entry["raw"]) if "raw" in entry else (entry.get("header", "") + entry["text"]).encode()


host, port = sys.argv[1].rsplit(":", 1)
connection = stomp.Connection12([(host, int(port))], vhost="/", heartbeats=(10000, 10000))
rebuilder = Rebuilder(connection, Path(sys.argv[3]))
connection.set_listener("rebuilder", rebuilder)
connection.connect(os.environ["QUEUE_USER"], os.environ["QUEUE_PASSWORD"], wait=True)
connection.subscribe(f"/queue/{sys.argv[2]}", id="1", ack="client-individual", headers={"prefetch-count": "500"})
rebuilder.gone.wait()
