# SPDX-License-Identifier: GPL-3.0-only
"""Brings a pilot's log from the worker node to a collector: a part of PilotLoggingCommands.py.

Python 3.6 to 3.14, standard library only. It lies beside that file, which says what happens when it does not.

    Backlog: memory, then spill files, then the oldest goes
       |
    Sender's thread: LevelFilter, Redactor --> Collectors, Connection --> appendLog

License: GPL-3.0-only
"""

import binascii
import collections
import errno
import fcntl
import http.client
import io
import itertools
import json
import os
import random
import re
import select
import socket
import ssl
import stat
import threading
import time
import zlib
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from PilotLoggingRedaction import Redactor

__version__ = "0.2.0"

LEVELS = {"DEBUG": 10, "VERBOSE": 15, "INFO": 20, "NOTICE": 25, "WARN": 30, "WARNING": 30, "ERROR": 40, "FATAL": 50}
_LEVELS_OF_LINES = dict(LEVELS, TRACE=10, ALWAYS=25, CRITICAL=50, EXCEPT=40, EXCEPTION=40)

# --- What is sent of the text -----------------------------------------------------------------------------------------


def stamped(level, message):
    """A line of this module's own, in the form of the pilot's."""
    now = time.time()
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return "%s.%06dZ %s [PilotLogging] %s\n" % (clock, now % 1 * 1000000, level, message)


_COLOUR = r"(?:\x1b(?:\[[0-9;:?]{0,10}[A-Za-z]|\([A-Z0-9]))"
_COLOURS = _COLOUR + r"{0,2}"
_WORDS = r"DEBUG|VERBOSE|TRACE|INFO|NOTICE|ALWAYS|WARN(?:ING)?|ERROR|FATAL|CRITICAL|EXCEPT(?:ION)?"
# The collector's grammar of a message's beginning, lines/header.py, as text; a test compares them.
HEADER = (
    r"(?:(?![0-9]{4}-)(?:[^\n]{0,60}\r)?(?:\ufeff|\r|" + _COLOUR + r"){0,3})?"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)(?:Z| UTC) " + _COLOURS + r"(?:"
    r"(" + _WORDS + r")(?![A-Za-z_])" + _COLOURS + r" {0,20}" + _COLOURS + r"(?:\[([^\]\n]{1,100})\])?"
    r"|([^\s\[\]\x1b][^\s\x1b]{0,199})" + _COLOURS + r" " + _COLOURS + r"(?:\[[0-9]{1,20}\] )?"
    r"(" + _WORDS + r")(?=" + _COLOURS + r":)"
    r")" + _COLOURS + r":?" + _COLOURS + r" ?()"
)


class LevelFilter:
    """Leaves out messages below a level. A line without a header belongs to the message before it."""

    # Messages of the pilot's form with a level that nobody knows are sent.
    _MESSAGE = re.compile(
        "(?m)^(?:" + HEADER + r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z [A-Z]{4,8} *\[)", re.ASCII
    )

    def __init__(self, least=0):
        """Args:
        least: One of the numbers of ``LEVELS``, or 0 for all.
        """
        self._least = self._wanted = least
        self._passes = True
        self._inside_line = False

    def ask(self, name):
        """What a collector wants; it can raise the level and take that back, but not go below the CS's."""
        self._wanted = max(self._least, LEVELS.get(name, 0))

    def keep(self, text):
        """What goes on, of a log's next piece."""
        if not text:
            return text
        kept, begin, passes = [], 0, self._passes
        if self._wanted > LEVELS["DEBUG"] or not passes:
            for header in self._MESSAGE.finditer(text):
                if header.start() == 0 and self._inside_line:
                    continue
                if passes:
                    kept.append(text[begin : header.start()])
                begin = header.start()
                word = header.group(2) or header.group(5)
                passes = _LEVELS_OF_LINES.get(word, self._wanted) >= self._wanted
        if passes:
            kept.append(text[begin:])
        self._passes = passes
        self._inside_line = not text.endswith("\n")
        return "".join(kept)


# --- Files that others might have put there ---------------------------------------------------------------------------


class NotOurs(OSError):
    """A file is there, and nothing is read from it: it may be somebody else's."""


def open_file(path, public=False):
    """A descriptor of a regular file that is the user's own. It is never waited for, as one waits for a FIFO's writer.

    Args:
        public: It lies where everybody may put a file under this name. One that is named by the pilot's environment
            may be a link, or root's: so batch systems and containers bring secrets in.

    Raises:
        NotOurs: It is no regular file, another user's, or another user may write to it.
        OSError: It cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | (os.O_NOFOLLOW if public else 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotOurs(f"{path} is a link") from None
        if error.errno == errno.ENXIO:
            raise NotOurs(f"{path} is no regular file") from None
        raise
    status = os.fstat(descriptor)
    problem = ""
    if not stat.S_ISREG(status.st_mode):
        problem = "is no regular file"
    elif status.st_uid != os.geteuid() and (public or status.st_uid):
        problem = "belongs to another user (%d)" % status.st_uid
    elif status.st_mode & (stat.S_IWOTH | (stat.S_IWGRP if public else 0)):
        problem = "can be written to by other users"
    elif public and status.st_nlink > 1:
        problem = "has another name beside this one"
    if problem:
        os.close(descriptor)
        raise NotOurs(f"{path} {problem}")
    return descriptor


# --- Text that waits --------------------------------------------------------------------------------------------------

_BLOCK = 256 * 1024
_HEAD = 300  # of a spill file, at most
_SPILL_PREFIX = ".pilotlogging-"
_SPILLED = re.compile(r"(\d{8})(?:\.(\d+)\.([0-9a-f]{32}))?\.block$")


def new_session():
    return os.urandom(16).hex()


class Log:
    """Whose text it is, and the numbering of its batches."""

    def __init__(self, stamp, vo, session):
        self.stamp = stamp
        self.vo = vo
        self.session = session
        self.next_seq = 1


class Block:
    """A piece of a log, in memory or in a spill file.

    Attributes:
        log: Whose it is.
        data: The text in UTF-8, compressed if ``packed``; None where it is on disk only.
        path: Of the spill file, if there is one.
        lines, size: Of the text; None for a predecessor's, until it is read.
        seq: Its number, from the first attempt to send it on.
        batch: The request's content, from then on.
        left_out: A line on what was given up before it.
        is_shaped: Its level and secrets have been looked at already.
        is_refused: No collector takes it; its batch is a word on that now.
    """

    __slots__ = (
        "batch",
        "data",
        "disk",
        "is_refused",
        "is_shaped",
        "left_out",
        "lines",
        "log",
        "packed",
        "path",
        "seq",
        "size",
        "spill",
    )

    def __init__(self, log, data=None, packed=False, lines=None, size=None):
        self.log = log
        self.data = data
        self.packed = packed
        self.lines = lines
        self.size = size
        self.path = self.spill = self.seq = self.batch = None
        self.disk = 0
        self.left_out = ""
        self.is_refused = self.is_shaped = False

    def pack(self):
        if not self.packed:
            self.data = zlib.compress(self.data, 1)
            self.packed = True

    def text(self):
        """Raises:
        ValueError, OSError, zlib.error: The spill file is damaged or gone.
        """
        data = self.spill.read(self) if self.data is None else self.data
        raw = zlib.decompress(data) if self.packed else data
        if self.lines is None:
            self.lines, self.size = raw.count(b"\n"), len(raw)
        return raw.decode("utf-8", "replace")


class Spill:
    """A folder with a file for each block that had no place in memory.

    Whoever holds the lock owns the folder; a dead owner holds none, and its successor in the same directory goes on.
    """

    def __init__(self, folder, log):
        self.folder = folder
        self.log = log
        self._lock = None
        self._last = 0
        self._files = 0

    def write(self, block, first=False):
        """Args:
            first: Before all others; only one such block at a time.

        Raises:
            OSError: There is no room, or no permission; nothing was left behind.
        """
        if self._lock is None:
            self._make()
        block.pack()
        head = {"stamp": block.log.stamp, "vo": block.log.vo}
        content = json.dumps(head).encode("ascii") + b"\n" + block.data
        self._last += 0 if first else 1
        path = os.path.join(self.folder, self._name(0 if first else self._last, block))
        partial = path + ".part"
        try:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.rename(partial, path)
        except OSError:
            _quietly(os.unlink, partial)
            raise
        self._files += 1
        block.path, block.disk, block.spill = path, len(content), self

    def read(self, block):
        with os.fdopen(open_file(block.path, public=True), "rb") as file:
            head = json.loads(file.readline(10000).decode("ascii"))
            data = file.read()
        if not isinstance(head, dict) or not all(isinstance(head.get(name), str) for name in ("stamp", "vo")):
            raise ValueError("no block")
        block.packed = True
        if block.log.stamp is None:  # a predecessor's
            block.log.stamp, block.log.vo = head["stamp"], head["vo"]
        return data

    def number(self, block):
        """Note a block's number in its file's name, before it is sent for the first time.

        A successor then sends it with the same number, and the collector stores it once.
        """
        place = int(_SPILLED.match(os.path.basename(block.path)).group(1))
        path = os.path.join(self.folder, self._name(place, block))
        os.rename(block.path, path)
        block.path = path

    @staticmethod
    def _name(place, block):
        number = "" if block.seq is None else ".%d.%s" % (block.seq, block.log.session)
        return "%08d%s.block" % (place, number)

    def remove(self, block):
        _quietly(os.unlink, block.path)
        block.path, block.disk = None, 0
        self._files -= 1
        if not self._files:
            self._last = 0
            self._close()

    def _make(self):
        os.mkdir(self.folder, 0o700)
        try:
            self._lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            self._close()
            raise
        _quietly(fcntl.lockf, self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # without locks nobody will ever adopt it

    def _close(self):
        _quietly(os.unlink, os.path.join(self.folder, "lock"))
        _quietly(os.rmdir, self.folder)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def adopt(self):
        """The blocks of a dead predecessor, the oldest first; none if it lives, or is somebody else's."""
        status = os.lstat(self.folder)
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or writable:
            return []
        lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return []
        self._lock = lock
        blocks = []
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            matched = _SPILLED.match(name)
            if not matched:
                if name != "lock":
                    _quietly(os.unlink, path)
                continue
            # One that has a number goes on in its own session, the others in a new one: which numbers they would
            # have got there is not known for sure.
            block = Block(Log(None, None, matched.group(3)) if matched.group(3) else self.log)
            block.path, block.spill, block.disk = path, self, os.lstat(path).st_size
            block.seq = int(matched.group(2)) if matched.group(2) else None
            blocks.append(block)
        self._files = len(blocks)
        if not blocks:
            self._close()
        return blocks


def _quietly(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        pass


class Backlog:
    """The text that waits to be sent, oldest first, within bounds.

    ``appended`` are all bytes that ever came, ``ends_line`` says whether the last one was a line end.

    Any thread appends; one thread takes. Order: the block in flight, those that go first (a predecessor's), those on
    disk, those in memory, the unfinished tail. When all is full the oldest goes but the one in flight, and the next
    block begins with a line that says how much.
    """

    def __init__(self, log, folder, memory, spill, due_lines=1000, due_size=64 * 1024):
        self.log = log
        self.changed = threading.Condition(threading.RLock())
        self.closing = False
        self._due_lines, self._due_size = due_lines, due_size
        self._most_memory, self._most_disk = memory, spill
        self._block_size = min(_BLOCK, max(4096, memory // 8))
        self._spill = Spill(os.path.join(folder, _SPILL_PREFIX + log.session), log)
        self.flight = None
        self._first = collections.deque()
        self._on_disk = collections.deque()
        self._in_memory = collections.deque()
        self._tail = []
        self._tail_size = self._tail_lines = 0
        self._memory = self._disk = 0
        self.appended = 0
        self.ends_line = True
        self.lost_lines = self.lost_size = 0

    def append(self, text):
        """Never raises for a full disk, and never waits for the network."""
        for begin in range(0, len(text), self._block_size):
            piece = text[begin : begin + self._block_size]
            data = piece.encode("utf-8", "backslashreplace")
            with self.changed:
                self.appended += len(data)
                self.ends_line = data.endswith(b"\n")
                self._tail.append(data)
                self._tail_size += len(data)
                self._tail_lines += data.count(b"\n")
                if self._tail_size >= self._block_size:
                    self._cut(whole_lines=True)
                    self._shrink()
                if self.is_due():
                    self.changed.notify()

    def is_due(self):
        """Whether there is enough to be sent before its time."""
        return bool(
            self._in_memory
            or self._on_disk
            or self._first
            or self._tail_size >= self._due_size
            or self._tail_lines >= self._due_lines
        )

    def is_empty(self):
        return not (self._first or self._on_disk or self._in_memory or self._tail)

    def waiting(self):
        """Bytes in memory and on disk."""
        return self._memory + self._tail_size, self._disk

    def take(self, whole_lines):
        """The next block, which is in flight until :meth:`forget`; None if there is none.

        Args:
            whole_lines: Leave an unfinished last line where it is.
        """
        with self.changed:
            if self.flight:
                return self.flight
            block = None
            if self._first:
                block = self._first.popleft()
                self._memory -= len(block.data or b"")
            else:
                if self._on_disk:
                    block = self._on_disk.popleft()
                else:
                    if not self._in_memory:
                        self._cut(whole_lines, pack=False)
                    if self._in_memory:
                        block = self._in_memory.popleft()
                        self._memory -= len(block.data)
                if self.lost_size and (block or self.closing):
                    block = block or Block(self.log, b"", lines=0, size=0)
                    block.left_out = self._left_out()
            self.flight = block
            return block

    def _left_out(self):
        lines, size, self.lost_lines, self.lost_size = self.lost_lines, self.lost_size, 0, 0
        return stamped(
            "WARN",
            "%d lines (%d bytes) were left out here: no collector could be reached, and the room for waiting text "
            "(RemoteLoggerMemory, RemoteLoggerSpill) was full" % (lines, size),
        )

    def number(self, block):
        """Give the block in flight its number."""
        with self.changed:
            if block.seq is None:
                block.seq = block.log.next_seq
                block.log.next_seq += 1
                if block.path:
                    block.spill.number(block)

    def forget(self, block):
        """The block in flight is stored, or given up."""
        with self.changed:
            self._remove_file(block)
            self.flight = None

    def split(self, block, text):
        """Put a block's second half back: all of it was too large for a collector."""
        data = text.encode("utf-8", "backslashreplace")
        rest = Block(block.log, data, lines=data.count(b"\n"), size=len(data))
        rest.is_shaped = True
        with self.changed:
            self._remove_file(block)
            self._first.appendleft(rest)
            self._memory += len(data)

    def _lose(self, block):
        """Give a waiting block up, counted."""
        self._memory -= len(block.data or b"")
        if block.lines is None:
            try:
                block.text()
            except (OSError, ValueError, zlib.error):
                pass
        self.lost_lines += block.lines or 0
        self.lost_size += block.size or 1
        self._remove_file(block)

    def _remove_file(self, block):
        if block.path:
            self._disk -= block.disk
            block.spill.remove(block)

    def _cut(self, whole_lines, pack=True):
        """Make blocks of the tail."""
        raw = b"".join(self._tail)
        end = len(raw)
        if whole_lines and not raw.endswith(b"\n"):
            end = raw.rfind(b"\n") + 1
            if not end and len(raw) >= self._block_size:  # one long line
                end = len(raw)
        if not end:
            self._tail = [raw] if raw else []
            return
        data, rest = raw[:end], raw[end:]
        self._tail = [rest] if rest else []
        self._tail_size = len(rest)
        lines = data.count(b"\n")
        self._tail_lines -= lines
        block = Block(self.log, data, lines=lines, size=len(data))
        if pack:
            block.pack()
        self._in_memory.append(block)
        self._memory += len(block.data)

    def _shrink(self):
        """Keep the bounds."""
        while self._memory > self._most_memory and self._in_memory:
            if not self._to_disk(evict=True):
                oldest = self._first or self._on_disk or self._in_memory
                self._lose(oldest.popleft())

    def _to_disk(self, evict):
        """Move the oldest block in memory to disk.

        Args:
            evict: If there is no room, let the oldest go there.

        Returns:
            False if there is no room even so.
        """
        block = self._in_memory[0]
        block_size = len(block.data)
        block.pack()
        self._memory += len(block.data) - block_size
        while not self._spilled(block):
            on_disk = self._first or self._on_disk
            if not evict or not on_disk or len(block.data) + _HEAD > self._most_disk:
                return False
            self._lose(on_disk.popleft())
        self._in_memory.popleft()
        self._memory -= len(block.data)
        block.data = None
        self._on_disk.append(block)
        return True

    def _spilled(self, block, first=False):
        """Write a block to disk; False if there is no room for it."""
        if self._disk + len(block.data) + _HEAD > self._most_disk:
            return False
        try:
            self._spill.write(block, first)
        except OSError:
            return False
        self._disk += block.disk
        return True

    def persist(self):
        """Write what is in memory to disk as well as it goes: should the pilot be killed now, a successor has it."""
        with self.changed:
            flight = self.flight
            is_ours = flight and not flight.path and flight.seq is not None and flight.log is self.log
            if is_ours and not self._spilled(flight, first=True):
                return
            self._cut(whole_lines=False)
        moved = True
        while moved:
            with self.changed:
                moved = bool(self._in_memory) and self._to_disk(evict=False)

    def adopt(self):
        """Take on what dead predecessors left in the same directory."""
        parent = os.path.dirname(self._spill.folder)
        try:
            names = [name for name in os.listdir(parent) if name.startswith(_SPILL_PREFIX)]
        except OSError:
            return
        for name in sorted(names):
            if name == os.path.basename(self._spill.folder):
                continue
            try:
                blocks = Spill(os.path.join(parent, name), Log(None, None, new_session())).adopt()
            except OSError:
                continue
            with self.changed:
                self._first.extend(blocks)
                self._disk += sum(block.disk for block in blocks)


# --- Collectors -------------------------------------------------------------------------------------------------------

_CERTIFICATES = ("/etc/grid-security/certificates", "/cvmfs/grid.cern.ch/etc/grid-security/certificates")
_PUBLIC = "/tmp"
_LARGEST_REPLY = 1 << 20
_REJECTED = 3401


class Failed(Exception):
    """This collector did not take the batch; another one, or the same later, may.

    Attributes:
        retry_after: Seconds that it asked to be left alone.
        stale: The connection was closed before anything of an answer came, as a collector does with an idle one.
    """

    def __init__(self, reason, retry_after=0, stale=False):
        Exception.__init__(self, reason)
        self.retry_after = retry_after
        self.stale = stale


class Refused(Exception):
    """A collector will never take this batch.

    Attributes:
        too_large: It might take a part of it.
        by_all: So did all the others.
    """

    too_large = False
    by_all = True


class Credentials:
    """What the pilot shows: its proxy, a host's certificate, else a bearer token (WLCG bearer token discovery).

    Attributes:
        key: Equal for equal credentials, so that renewed ones are noticed; None if there are none.
        problems: Sentences about files that were found, and are not used.
    """

    def __init__(self):
        self.certificate = self.private_key = self.token = self.key = None
        self.is_host = self._is_public = False
        self._token_file = None
        self.problems = []
        proxy = os.environ.get("X509_USER_PROXY")
        if proxy and os.path.isdir(proxy):
            self.is_host = self._use(os.path.join(proxy, "hostcert.pem"), os.path.join(proxy, "hostkey.pem"))
        elif proxy:
            self._use(proxy, proxy)
        default = "%s/x509up_u%d" % (_PUBLIC, os.geteuid())
        if not self.certificate and not self._discover():
            self._use(default, default, public=True)

    def is_gone(self):
        """Whether what they were read from can no longer be read."""
        path = self.certificate or self._token_file
        return bool(path) and self._opened(path, self._is_public) is None

    def _opened(self, path, public):
        """What ``fstat`` says of a file, if it may be used."""
        try:
            descriptor = open_file(path, public)
        except NotOurs as error:
            self.problems.append(str(error))
        except (OSError, ValueError):
            pass
        else:
            try:
                return os.fstat(descriptor)
            finally:
                os.close(descriptor)
        return None

    def _use(self, certificate, private_key, public=False):
        statuses = [self._opened(path, public) for path in sorted({certificate, private_key})]
        if None in statuses:
            return False
        self.certificate, self.private_key, self._is_public = certificate, private_key, public
        self.key = (certificate, *[(each.st_mtime_ns, each.st_ino, each.st_size) for each in statuses])
        return True

    def _discover(self):
        token = os.environ.get("BEARER_TOKEN", "").strip()
        name = "bt_u%d" % os.geteuid()
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        files = [
            (os.environ.get("BEARER_TOKEN_FILE"), False),
            (runtime and os.path.join(runtime, name), True),
            (os.path.join(_PUBLIC, name), True),
        ]
        for path, public in files:
            if token or not path:
                continue
            try:
                with os.fdopen(open_file(path, public), "rb") as file:
                    token = file.read(65536).decode("utf-8").strip()
                self._token_file, self._is_public = path, public
            except NotOurs as error:
                self.problems.append(str(error))
            except (OSError, ValueError):
                pass
        # A line end in it would be a header of somebody else's.
        if not re.match(r"[!-~]+\Z", token):
            return False
        self.token = token
        self.key = (self._token_file, token)
        return True

    def context(self):
        """Raises:
        OSError, ssl.SSLError: The proxy cannot be read, or is none.
        """
        context = ssl.create_default_context()
        folders = (os.environ.get("X509_CERT_DIR"), *_CERTIFICATES)
        folder = next((name for name in folders if name and os.path.isdir(name)), None)
        if folder:
            context.load_verify_locations(capath=folder)
        # Grid CAs are older than what Python 3.13 asks of one.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)  # novermin
        if self.certificate:
            descriptors = {}
            try:
                for path in {self.certificate, self.private_key}:
                    descriptors[path] = open_file(path, self._is_public)
                # OpenSSL wants names: these are of the very files that were looked at, whatever is put there meanwhile.
                names = ["/proc/self/fd/%d" % descriptors[path] for path in (self.certificate, self.private_key)]
                context.load_cert_chain(*names, password="")  # never ask for one
            finally:
                for descriptor in descriptors.values():
                    os.close(descriptor)
        return context


class Place:
    """One address of one collector."""

    def __init__(self, url, address, family, proxy):
        self.url = url
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 443
        self.path = parts.path or "/"
        self.address, self.family, self.proxy = address, family, proxy
        self.key = (url, address)

    @classmethod
    def all_of(cls, url):
        """The addresses of an URL, in random order so that not all pilots take the same one.

        Raises:
            OSError: The name is not known.
        """
        parts = urlsplit(url)
        proxy = getproxies().get("https")
        if not proxy or proxy_bypass(parts.hostname):
            proxy, host, port = None, parts.hostname, parts.port or 443
        else:
            proxy = urlsplit(proxy if "//" in proxy else "//" + proxy)
            host, port = proxy.hostname, proxy.port or 3128
        try:
            found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError(str(error)) from None
        places = {address: cls(url, address, family, proxy) for family, _, _, _, address in found}
        return random.sample(list(places.values()), len(places))


class Connection:
    """A TLS connection that is kept for many requests; each has a deadline as a whole, however slowly bytes come.

    Args:
        give_up_at: A function that gives the time (monotonic) at which an exchange that began at some time is given up.
    """

    def __init__(self, place, credentials, context, options, give_up_at):
        self.place = place
        self.credentials = credentials
        self._context = context
        self._options = options
        self._give_up_at = give_up_at
        self._began = self._deadline = 0
        self._socket = None
        self._used = False
        # Not for ever, so that a collector that was restarted gets its share again.
        self._oldest = time.monotonic() + random.uniform(1800, 3600)

    def is_good(self, credentials):
        """Whether it can be used for another request, rather than one that is made anew with these credentials.

        One whose own cannot be read any more is better than none: nobody knows whether another one can be made.
        """
        if not self._socket:
            return False
        is_fresh = self.credentials.key == credentials.key and time.monotonic() < self._oldest
        return is_fresh or self.credentials.is_gone()

    def close(self):
        if self._socket:
            _quietly(self._socket.close)
        self._socket = None

    def ask(self, fields):
        """One request: the value of S_OK.

        Raises:
            Failed: Not now, or not here.
            Refused: Never.
        """
        answered = False
        self._began = time.monotonic()
        try:
            if not self._socket:
                self._connect()
            self._deadline = time.monotonic() + self._options.reply_timeout
            self._send(self._request(fields))
            response = http.client.HTTPResponse(self, method="POST")
            response.begin()
            answered = True
            content = response.read(_LARGEST_REPLY)
            if response.will_close or (not response.isclosed() and response.read(1)):
                self.close()
            value = self._value(response, content)
        except (OSError, ValueError, http.client.HTTPException) as error:
            stale = self._used and not answered and not isinstance(error, socket.timeout)
            self.close()
            raise Failed(f"{type(error).__name__}: {error}", stale=stale) from None
        except BaseException:
            self.close()
            raise
        self._used = True
        return value

    def _request(self, fields):
        # The characters that mean something in a form; JSON brings no others that would have to be quoted.
        pairs = []
        for name, value in fields.items():
            for character in "%&+;=":
                value = value.replace(character, f"%{ord(character):02X}")
            pairs.append(name + "=" + value.replace(" ", "+"))
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        body = packer.compress("&".join(pairs).encode("ascii")) + packer.flush()
        host = f"[{self.place.host}]" if ":" in self.place.host else self.place.host
        lines = [
            f"POST {self.place.path} HTTP/1.1",
            "Host: %s:%d" % (host, self.place.port),
            "User-Agent: PilotLogging/" + __version__,
            "Content-Type: application/x-www-form-urlencoded",
            "Content-Encoding: gzip",
            "Content-Length: %d" % len(body),
        ]
        if self.credentials.token:
            lines.append("Authorization: Bearer " + self.credentials.token)
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    @staticmethod
    def _value(response, content):
        try:
            wait = min(3600.0, max(0.0, float(response.getheader("Retry-After") or 0)))
        except ValueError:
            wait = 0
        if response.status == http.client.REQUEST_ENTITY_TOO_LARGE:
            refusal = Refused("HTTP 413")
            refusal.too_large = True
            raise refusal
        if response.status != http.client.OK:
            raise Failed("HTTP %d" % response.status, wait)
        reply = json.loads(content.decode("utf-8", "replace"))
        if not isinstance(reply, dict):
            raise Failed("no answer of a collector")
        if reply.get("OK") is True and isinstance(reply.get("Value"), dict):
            return reply["Value"]
        message = str(reply.get("Message"))[:300]
        if reply.get("Errno") == _REJECTED:
            refusal = Refused(message)
            refusal.too_large = "large" in message
            raise refusal
        raise Failed(message, wait)

    def _connect(self):
        self._used = False
        self._deadline = time.monotonic() + self._options.connect_timeout
        plain = socket.socket(self.place.family, socket.SOCK_STREAM)
        try:
            plain.setblocking(False)
            self._socket = plain
            if plain.connect_ex(self.place.address):
                self._wait(select.POLLOUT)
                problem = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if problem:
                    raise OSError(problem, os.strerror(problem))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.place.proxy:
                self._tunnel()
            self._socket = self._context.wrap_socket(
                plain, server_hostname=self.place.host, do_handshake_on_connect=False
            )
            self._patiently(self._socket.do_handshake)
        except BaseException:
            plain.close()
            self.close()
            raise

    def _tunnel(self):
        proxy = self.place.proxy
        target = "%s:%d" % (self.place.host, self.place.port)
        lines = [f"CONNECT {target} HTTP/1.1", "Host: " + target]
        if proxy.username:
            login = "{}:{}".format(unquote(proxy.username), unquote(proxy.password or ""))
            lines.append("Proxy-Authorization: Basic " + binascii.b2a_base64(login.encode()).decode().strip())
        self._send("\r\n".join([*lines, "", ""]).encode("latin-1"))
        head = b""
        while not head.endswith(b"\r\n\r\n") and len(head) < 65536:  # byte by byte: what follows is TLS
            byte = self._patiently(self._socket.recv, 1)
            if not byte:
                raise OSError("the HTTP proxy closed the connection")
            head += byte
        if not re.match(rb"HTTP/1\.[01] 200\b", head):
            raise OSError("the HTTP proxy said %.80r" % head.split(b"\r\n")[0])

    def _send(self, data):
        view = memoryview(data)
        while view:
            view = view[self._patiently(self._socket.send, view) :]

    def makefile(self, *_arguments):
        """What ``http.client`` reads from."""
        return io.BufferedReader(_Incoming(self))

    def receive(self, buffer):
        """Wait for at least one byte; 0 at the end."""
        return self._patiently(self._socket.recv_into, buffer)

    def _patiently(self, function, *arguments):
        """Repeat a call on the socket until it is no longer waiting for the other side."""
        while True:
            self._left()
            try:
                return function(*arguments)
            except (ssl.SSLWantReadError, BlockingIOError) as error:
                waits_to_write = isinstance(error, BlockingIOError) and function == getattr(self._socket, "send", None)
                self._wait(select.POLLOUT if waits_to_write else select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)

    def _wait(self, event):
        poll = select.poll()
        poll.register(self._socket, event)
        # Not all of the time at once: when the pilot ends meanwhile, the deadline is nearer.
        while not poll.poll(min(self._left(), 0.5) * 1000 + 1):
            pass

    def _left(self):
        """Seconds to the deadline.

        Raises:
            socket.timeout: It is over.
        """
        left = min(self._deadline, self._give_up_at(self._began)) - time.monotonic()
        if left <= 0:
            raise socket.timeout("no answer in time")
        return left


class _Incoming(io.RawIOBase):
    def __init__(self, connection):
        io.RawIOBase.__init__(self)
        self._connection = connection

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._connection.receive(buffer)


class Collectors:
    """All collectors: a batch goes to the one that took the last one; if that fails to the others, in random order.

    Args:
        say: Takes a sentence for the log, on what is wrong here.
    """

    def __init__(self, options, give_up_at, say):
        self._options = options
        self._give_up_at = give_up_at
        self._say = say
        self._said = set()
        self._kept = None
        self._credentials = None
        self._cost = {}
        self._context = self._context_key = None

    def ask(self, fields, is_right):
        """One request to whichever collector takes it.

        Args:
            is_right: Tells whether the value of an S_OK is one.

        Raises:
            Failed: None did, now.
            Refused: Those that could be reached refused it.
        """
        kept, self._kept = self._kept, None
        failure = refusal = stale = None
        try:
            credentials = self._current()
        except Failed as error:
            if kept:
                kept.close()
            raise error from None
        if kept and not kept.is_good(credentials):
            kept.close()
            kept = None
        tried = set()
        if kept:
            tried.add(kept.place.key)
            try:
                return self._ask(kept, fields, is_right)
            except Failed as error:
                failure, stale = error, error.stale
            except Refused as error:
                refusal = error
        # A collector closes connections that are idle: that is no failure, and it is asked again on a new one.
        places = [kept.place] if stale else []
        for place in itertools.chain(places, self._places(tried)):
            if isinstance(place, Failed):
                failure = place
                continue
            if time.monotonic() >= self._give_up_at(time.monotonic()):
                break
            try:
                return self._ask(
                    Connection(place, credentials, self._context, self._options, self._give_up_at), fields, is_right
                )
            except Failed as error:
                failure = error if not failure or error.retry_after >= failure.retry_after else failure
            except Refused as error:
                refusal = error
        if refusal:
            refusal.by_all = failure is None
            raise refusal
        raise failure or Failed("there is no collector")

    def _current(self):
        """The credentials that there are now; those of before where there are none, or only half of them.

        At a pilot's end its directory may be taken away with them, and its last lines are still to be sent.

        Raises:
            Failed: There were none before, and these are of no use.
        """
        fresh = Credentials()
        for problem in fresh.problems:
            if problem not in self._said:
                self._said.add(problem)
                self._say(problem)
        if self._credentials and not fresh.key:
            return self._credentials
        key = (fresh.key, os.environ.get("X509_CERT_DIR"))
        if not self._credentials or key != self._context_key:
            try:
                if time.monotonic() >= self._give_up_at(time.monotonic()):
                    raise ValueError("the pilot ends")
                self._context = fresh.context()
            except (OSError, ValueError) as error:
                if self._credentials:
                    return self._credentials
                raise Failed(f"the credentials cannot be used: {error}") from None
            self._credentials, self._context_key = fresh, key
        return self._credentials

    def _ask(self, connection, fields, is_right):
        url = connection.place.url
        if connection.credentials.is_host:
            fields = dict(fields, extraCredentials='"hosts"')
        begun = time.monotonic()
        try:
            value = connection.ask(fields)
            if not is_right(value):
                raise Failed("this is no answer of a collector")
        except (Failed, Refused):
            self._cost[url] = time.monotonic() - begun
            connection.close()
            raise
        self._cost.pop(url, None)
        self._kept = connection
        return value

    def _places(self, tried):
        """The addresses of all, or a Failed for a name that is not known; what cost much time lately comes last."""
        urls = random.sample(self._options.urls, len(self._options.urls))
        for url in sorted(urls, key=lambda url: int(self._cost.get(url, 0) * 2)):
            begun = time.monotonic()
            try:
                places = Place.all_of(url)
            except OSError as error:
                self._cost[url] = time.monotonic() - begun
                yield Failed(str(error))
                continue
            for place in places:
                if place.key not in tried:
                    yield place


# --- The sender -------------------------------------------------------------------------------------------------------

_FIRST_WAIT = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_PAUSE_AT_END = 1.0, 60.0, 3.0
_TRIES_WHEN_REFUSED, _PATIENCE_WITH_OTHERS = 4, 4
_LONGEST_RETRY_AFTER = 600
_SMALLEST_SPLIT = 4096


class Sender:
    """The thread that brings the backlog to a collector.

    Args:
        backlog: What waits.
        options: Times and URLs.
        context: A function that gives what is known of the pilot: site, ce, queue ...
        look: Called before text is taken, for what does not come by itself.
        failed: Called with an exception of this module's own, which ends the sender.
    """

    def __init__(self, backlog, options, context, look, failed):
        self._backlog = backlog
        self._options = options
        self._context = context
        self._look = look
        self._failed = failed
        self._told = None
        self._shapes = {}
        self._wanted_level = ""
        own = f"Worker-node module {__version__} sends this log, session {backlog.log.session}"
        self._notes = [stamped("INFO", own)]
        self._notes += [stamped("WARN", "The configuration is wrong: " + problem) for problem in options.problems]
        self._collectors = Collectors(options, self._give_up_at, self._say)
        self._failures = 0
        self._not_before = 0
        self._code = None
        self._said_goodbye = False
        self._ended_at = self._leave = self._last_moment = 0
        self._ending = threading.Event()
        self._works = threading.Lock()  # no Event: whoever waits for it may be interrupted by a signal, and waits again

    def start(self):
        self._works.acquire()
        threading.Thread(target=self._work, name="PilotLogging", daemon=True).start()

    def end(self, code):
        """Let the thread send what there is and the exit code, within ``exit_time`` seconds. The first call counts."""
        if self._ending.is_set():
            return
        self._code = str(code)
        left = self._options.exit_time
        self._ended_at = time.monotonic()
        self._last_moment = self._ended_at + left
        self._leave = self._last_moment - min(2.0, left / 4)
        with self._backlog.changed:
            self._backlog.closing = True
            self._ending.set()
            self._backlog.changed.notify_all()

    def wait(self):
        """Until all is sent, or the time is over.

        Returns:
            Whether the thread has ended. If not, it hangs in a system call.
        """
        has_ended = self._works.acquire(timeout=max(0, self._last_moment - time.monotonic()))
        if has_ended:
            self._works.release()
        return has_ended

    def _say(self, problem):
        self._notes.append(stamped("WARN", "Not used: " + problem))

    def _give_up_at(self, began):
        """When an exchange is given up: at the pilot's end soon, so that there is time to try another collector."""
        if not self._ending.is_set():
            return float("inf")
        share = self._options.exit_time / max(4, len(self._options.urls) + 2)
        return min(self._leave, max(began, self._ended_at) + share)

    def _work(self):
        try:
            self._backlog.adopt()
            self._send_all()
            self._say_goodbye()
        except Exception as error:
            self._failed(error)
        finally:
            self._works.release()

    def _send_all(self):
        interval = self._options.interval
        # Soon for the first time, since a pilot that dies at once is what people look for.
        due = time.monotonic() + min(interval, _FIRST_WAIT) * random.uniform(0.5, 1.5)
        unfinished = False
        while not self._ending.is_set():
            self._wait_for_text(due)
            if self._rest(self._not_before - time.monotonic()):
                return
            self._look()
            block = self._backlog.take(whole_lines=not unfinished)
            if block and not self._deliver(block):
                return
            if not self._backlog.is_due():
                # A line without an end goes at the second time.
                unfinished = not block and not self._backlog.is_empty()
                due = time.monotonic() + interval

    def _wait_for_text(self, due):
        with self._backlog.changed:
            while not self._ending.is_set() and not self._backlog.is_due():
                left = due - time.monotonic()
                if left <= 0:
                    return
                self._backlog.changed.wait(left)

    def _say_goodbye(self):
        short_of_time = self._leave - min(3.0, self._options.exit_time / 6)
        while self._failures or time.monotonic() < short_of_time:
            self._look()
            block = self._backlog.take(whole_lines=False)
            if not block or not self._deliver(block):
                break
        if not self._said_goodbye and time.monotonic() < self._leave:
            self._bring(self._goodbye())
        self._backlog.persist()

    def _goodbye(self):
        """The exit code alone, with a word on what there was no time for."""
        text = "".join(self._notes)
        if self._backlog.flight or not self._backlog.is_empty():
            text += stamped("WARN", "The rest of the log could not be sent in time")
        log = self._backlog.log
        batch = {"stamp": log.stamp, "vo": log.vo, "session": log.session, "seq": log.next_seq, "text": text}
        log.next_seq += 1
        return dict(batch, final={"retCode": self._code})

    def _deliver(self, block):
        """Bring one block to a collector, or give it up for good.

        Returns:
            False if the time at the pilot's end is over; the block is still in flight then.
        """
        if not block.batch and not self._shape(block):
            self._backlog.forget(block)
            return True
        refusal = self._bring(block.batch)
        if refusal is False:
            return False
        if refusal and not block.is_refused:
            text = block.batch["text"]
            if refusal.too_large and len(text) > _SMALLEST_SPLIT:
                middle = text.rfind("\n", 0, len(text) // 2) + 1 or len(text) // 2
                if block.batch.pop("final", None):
                    self._said_goodbye = False
                block.batch["text"] = text[:middle]
                self._backlog.split(block, text[middle:])
            else:  # a word in its place, so that its number is not missing
                block.is_refused = True
                sentence = "%d lines (%d characters) were refused here: %s" % (text.count("\n"), len(text), refusal)
                block.batch["text"] = stamped("WARN", sentence)
            return self._deliver(block)
        self._backlog.forget(block)
        return True

    def _shape(self, block):
        """Make the block's batch, numbered; False if nothing of it is to be sent."""
        try:
            text = block.text()
        except (OSError, ValueError, zlib.error) as error:
            self._notes.append(block.left_out)
            self._notes.append(stamped("WARN", f"A spill file was damaged, its text is lost here: {error}"))
            return False
        log = block.log
        is_own = log is self._backlog.log
        if log not in self._shapes:
            self._shapes[log] = LevelFilter(self._options.level), Redactor()
        level, redactor = self._shapes[log]
        level.ask(self._wanted_level)
        if not block.is_shaped:
            text = redactor.redact(level.keep(text))
        batch = {"stamp": log.stamp, "vo": log.vo, "session": log.session}
        if is_own:
            text = "".join(self._notes) + block.left_out + text
            self._notes = []
            context = self._context()
            if context != self._told:
                self._told = batch["context"] = context
            is_last = self._ending.is_set() and self._backlog.is_empty() and block.seq is None
            if is_last and not self._said_goodbye:
                batch["final"] = {"retCode": self._code}
                self._said_goodbye = True
        if not text and block.seq is None and "final" not in batch:
            return False
        try:
            self._backlog.number(block)
        except OSError:
            pass  # without the number in its file's name a successor may send it once more
        block.batch = dict(batch, seq=block.seq, text=text)
        return True

    def _bring(self, batch):
        """Returns:
        None once the batch is stored, the Refused if it never will be, False if the time at the pilot's end is over.
        """
        refused = 0
        while True:
            try:
                fields = {"method": "appendLog", "args": json.dumps([batch])}
                value = self._collectors.ask(fields, lambda value: _is_number(value.get("nextSeq"), batch["seq"] + 1))
            except Refused as error:
                refused += 1 if error.by_all else 1 / _PATIENCE_WITH_OTHERS
                if error.too_large or refused >= _TRIES_WHEN_REFUSED:
                    return error
                wait = 0
            except Failed as error:
                wait = error.retry_after
            else:
                self._failures = 0
                self._obey(value)
                return None
            self._failures += 1
            if not self._pause(wait):
                return False

    def _obey(self, wishes):
        if _is_number(wishes.get("retryAfter"), 0):
            wait = min(wishes["retryAfter"], _LONGEST_RETRY_AFTER) * random.uniform(1, 1.2)
            self._not_before = time.monotonic() + wait
        self._wanted_level = str(wishes.get("minimumLevel") or "").upper()

    def _rest(self, seconds):
        """Wait; what comes meanwhile goes to disk now and then, for a pilot that is killed has a successor at best.

        Returns:
            Whether the pilot ends.
        """
        until = time.monotonic() + seconds
        slice_ = self._options.interval
        while until - time.monotonic() > slice_:
            if self._ending.wait(slice_):
                return True
            self._look()
            self._backlog.persist()
            slice_ = min(2 * slice_, max(slice_, _LONGEST_PAUSE))
        return self._ending.wait(max(0, until - time.monotonic()))

    def _pause(self, wait):
        """Longer each time, and never the same for all pilots; False if the time at the pilot's end is over."""
        if self._failures > 1:
            self._backlog.persist()
        longest = _LONGEST_PAUSE_AT_END if self._ending.is_set() else _LONGEST_PAUSE
        pause = min(longest, _FIRST_PAUSE * 2 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.5)
        if not self._ending.is_set():
            self._rest(max(pause, min(wait, _LONGEST_RETRY_AFTER) * random.uniform(1, 1.2)))
            return True
        time.sleep(max(0, min(pause, self._leave - time.monotonic())))
        return time.monotonic() < self._leave


def _is_number(value, least):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= 2**53
