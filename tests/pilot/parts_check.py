# SPDX-License-Identifier: GPL-3.0-only
"""Checks the worker-node module's parts that need no collector: ``python3.N parts_check.py FOLDER_OF_THE_MODULE``.

A plain script without pytest, for each Python that a worker node may have, 3.6 and later. The tests beside it look much
closer, on one Python only; this one finds what differs from version to version.
"""

import importlib
import os
import shutil
import sys
import tempfile
import threading


def check_redaction(redaction, _folder):
    def redacted(*pieces):
        redactor = redaction.Redactor()
        return [redactor.redact(piece) for piece in pieces]

    header = "2026-06-10T11:02:02,823516Z DEBUG    [pilotLogger] "
    for text, expected in (
        (header + "DB_PASSWORD=a b c\n", header + "DB_PASSWORD=[redacted]\n"),
        ("{'Token': b'bytesfake123', 'x': 1}\r\n", "{'Token': b'[redacted]', 'x': 1}\r\n"),
        ("> Authorization: Bearer fakefake0123456789abc\n", "> Authorization: Bearer [redacted]\n"),
        ("export TOKEN=fakefake1; run --secret fakefake2\n", "export TOKEN=[redacted]; run --secret [redacted]\n"),
        ("get eyJhbGciOiJub25lIn0.e30.x now\n", "get [redacted] now\n"),
        (
            "https://u:fake%20fake@se.example.org/f?sig=fake&x\n",
            "https://u:[redacted]@se.example.org/f?sig=[redacted]&x\n",
        ),
        ("PWD=/tmp TOKEN_FILE=/tmp/t token = get(x)\n", "PWD=/tmp TOKEN_FILE=/tmp/t token = get(x)\n"),
        ("\ud800 \u00e9 \U0001d11e token: none\n", "\ud800 \u00e9 \U0001d11e token: none\n"),
    ):
        assert redacted(text) == [expected], redacted(text)
    key = ["-----BEGIN PRIVATE KEY-----\n", "MIIEfake\n", "MIIEfake\n", "-----END PRIVATE KEY-----\n", "word\n"]
    assert redacted(*key) == [key[0], "[redacted]\n", "[redacted]\n", key[3], key[4]]
    assert redacted("X_TOKEN=fakef", "akef", "ake\nA=1\n") == ["X_TOKEN=[redacted]", "", "\nA=1\n"]
    assert redacted('password="fake\\', '"fake" x\n') == ['password="[redacted]', '" x\n']
    for hostile in ("token=a,", "?sig=", "A", "\\", "://user:"):
        text = hostile * (200000 // len(hostile))
        assert redacted('x_secret="' + text + "\n")[0].endswith("\n")


def check_levels(sender, _folder):
    def kept(least, *pieces):
        level = sender.LevelFilter(least)
        return [level.keep(piece) for piece in pieces]

    lines = [f"2026-06-10T11:02:02.823512Z {name} [X] a\nmore\n" for name in ("DEBUG", "INFO", "WARN", "ERROR")]
    assert kept(0, *lines) == lines
    assert kept(20, *lines) == ["", lines[1], lines[2], lines[3]]
    assert kept(40, "raw\n", *lines) == ["raw\n", "", "", "", lines[3]]
    assert kept(30, lines[0], "still below\n", lines[3], "above\n") == ["", "", lines[3], "above\n"]
    of_dirac = [
        "2026-06-10T11:02:02,823512Z WorkloadManagement/JobAgent DEBUG: a\n",
        "\x1b[31m2026-06-10 11:02:02 UTC WorkloadManagement/JobAgent ERROR: a\x1b[0m\n",
        "\ufeff2026-06-10T11:02:02,823512Z Framework INFO: a\n",
    ]
    assert kept(40, lines[3], *of_dirac) == [lines[3], "", of_dirac[1], ""]


def check_backlog(sender, folder):
    text = [f"line {number} \u00e9\n" for number in range(20000)]
    backlog = sender.Backlog(sender.Log("0" * 32, "alpha", "session"), folder, 8192, 1 << 20)
    for line in text:
        backlog.append(line)
    memory, disk = backlog.waiting()
    assert memory <= 8192 + 4096 + 100, memory
    assert 0 < disk <= 1 << 20, disk
    assert drained(backlog) == "".join(text)
    assert os.listdir(folder) == [], os.listdir(folder)


def check_a_successor(sender, folder):
    child = os.fork()
    if not child:
        backlog = sender.Backlog(sender.Log("0" * 32, "alpha", "first"), folder, 1 << 20, 1 << 20)
        backlog.append("of the dead\n" * 1000)
        backlog.persist()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    backlog = sender.Backlog(sender.Log("0" * 32, "alpha", "second"), folder, 1 << 20, 1 << 20)
    backlog.append("of the living\n")
    backlog.adopt()
    assert drained(backlog) == "of the dead\n" * 1000 + "of the living\n"
    assert os.listdir(folder) == [], os.listdir(folder)


def check_losses(sender, folder):
    backlog = sender.Backlog(sender.Log("0" * 32, "alpha", "session"), folder, 8192, 0)
    for number in range(30000):
        backlog.append(f"{number * 2654435761 % 2**32:08x} of very many\n")
    lines = backlog.lost_lines
    assert 0 < lines < 30000
    kept = drained(backlog).splitlines()
    assert f"{lines} lines" in kept[0] and len(kept) - 1 == 30000 - lines, (kept[0], len(kept), lines)


def check_threads(sender, folder):
    backlog = sender.Backlog(sender.Log("0" * 32, "alpha", "session"), folder, 1 << 22, 0)
    threads = [
        threading.Thread(target=lambda name=name: [backlog.append(name + "\n") for _ in range(2000)]) for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = drained(backlog).splitlines()
    assert sorted(lines) == sorted("abcd" * 2000)


def drained(backlog):
    """All that waits, as the sender takes it."""
    text = []
    while True:
        block = backlog.take(whole_lines=False)
        if block is None:
            return "".join(text)
        text.append(block.left_out + block.text())
        backlog.forget(block)


def main(path):
    sys.path.append(path)
    sender = importlib.import_module("PilotLoggingSender")
    redaction = importlib.import_module("PilotLoggingRedaction")
    for name, check in sorted(globals().items()):
        if name.startswith("check_"):
            folder = tempfile.mkdtemp()
            try:
                check(redaction if name == "check_redaction" else sender, folder)
            finally:
                shutil.rmtree(folder)
            print(name)


if __name__ == "__main__":
    main(sys.argv[1])
