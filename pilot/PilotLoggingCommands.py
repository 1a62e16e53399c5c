# SPDX-License-Identifier: GPL-3.0-only
"""Sends a grid pilot's log to the collectors of PilotLoggingDIRAC: every line, and without ever harming the pilot.

For the worker node: Python 3.6 to 3.14, standard library only. A stock DIRAC pilot imports this file when it looks up
its first command, because of ``CommandExtensions = PilotLogging``; there are no commands in it. Importing it anywhere
else does nothing. Two more files lie beside it, ``PilotLoggingSender.py`` and ``PilotLoggingRedaction.py``. Where one
is missing or of another version the pilot says so in one line and runs as if none of the three were there. How a VO
brings them to its pilots: ``docs/pilots.md`` of PilotLoggingDIRAC.

The way of a line, in the order of the classes below and then of PilotLoggingSender.py::

    sys.stdout, sys.stderr --> Tee, OutputFile --> Backlog: memory, then spill files, then the oldest goes
                                                      |
                          Sender's thread: LevelFilter, Redactor --> Collectors, Connection --> appendLog

Promises. No call of the pilot's own threads waits for the network. Memory, disk and the time at the pilot's end are
bounded, see :class:`Options`. What the pilot prints, its exit code and the effect of signals stay what they are. An
error in here is written once to the pilot's own log and switches the module off.

License: GPL-3.0-only
"""

import atexit
import codecs
import errno
import functools
import importlib
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
from urllib.parse import urlsplit

__version__ = "0.2.0"

if globals().get("_runs"):
    # Pilots of before May 2024 execute an extension anew for each command; they take this for "no such command".
    raise ImportError("It runs already, or has said why not.")
_runs = False

# --- The other files --------------------------------------------------------------------------------------------------

_PARTS = ("PilotLoggingRedaction", "PilotLoggingSender")


def _import_parts():
    """The module PilotLoggingSender and "", or None and what is wrong with one of the files.

    A pilot finds them as it has found this one: it imports command extensions by their names, from the same folder.
    """
    part = None
    for name in _PARTS:
        try:
            part = importlib.import_module(name)
        except Exception as error:  # a damaged file may raise anything
            if isinstance(error, ModuleNotFoundError) and error.name == name:
                return None, name + ".py is missing"
            return None, f"{name}.py cannot be used: {error!r}"
        version = getattr(part, "__version__", "unknown")
        if version != __version__:
            return None, f"{name}.py is of version {version}, and PilotLoggingCommands.py of {__version__}"
    return part, ""


_sender, _fault = _import_parts()

# --- Options ----------------------------------------------------------------------------------------------------------

_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_TIMES = {"": 1, "S": 1, "M": 60, "H": 3600}
_DEFAULT_INTERVAL = 10


class Options:
    """What the CS says, from ``pilot.json``; a wrong value gives the default, and a sentence in ``problems``.

    Attributes:
        urls: Of the collectors: ``RemoteLoggerURLs``, else ``RemoteLoggerURL``.
        level: Least level that is sent, as a number; 0 for all that is printed.
        interval: Text is sent after so many seconds; ``RemoteLoggerTimerInterval``, where it is 0 or absent 10.
        lines: ... or when there are so many lines; ``RemoteLoggerBufsize``.
        memory: Bytes of waiting text in memory, compressed where there is much.
        spill: Bytes of waiting text on disk.
        exit_time: Seconds from the beginning of the pilot's end to its end, at most.
        connect_timeout: Seconds for a connection with its TLS handshake.
        reply_timeout: Seconds from a request's first byte to its answer's last one.
    """

    def __init__(self, options, url=None):
        self.problems = []
        self.urls = self._urls(options.get("RemoteLoggerURLs")) or self._urls(url)
        self.level = self._level(options)
        self.interval = self._number(options, "RemoteLoggerTimerInterval", 0, _TIMES, 0, 3600) or _DEFAULT_INTERVAL
        self.lines = int(self._number(options, "RemoteLoggerBufsize", 1000, {"": 1}, 1, 10**6))
        self.memory = int(self._number(options, "RemoteLoggerMemory", 8 * 2**20, _SIZES, 2**16, 2**30))
        self.spill = int(self._number(options, "RemoteLoggerSpill", 64 * 2**20, _SIZES, 0, 2**36))
        self.exit_time = self._number(options, "RemoteLoggerExitTime", 20, _TIMES, 1, 600)
        self.connect_timeout = self._number(options, "RemoteLoggerConnectTimeout", 10, _TIMES, 0.1, 300)
        self.reply_timeout = self._number(options, "RemoteLoggerReplyTimeout", 30, _TIMES, 0.1, 300)

    def _urls(self, value):
        names = value.split(",") if isinstance(value, str) else value
        urls = []
        for name in names if isinstance(names, (list, tuple)) else []:
            name = str(name).strip()
            try:
                parts = urlsplit(name)
                usable = parts.scheme == "https" and parts.hostname and (parts.port or 1)
            except ValueError:
                usable = False
            if usable and name not in urls:
                urls.append(name)
            elif name and not usable:
                self.problems.append("%.200r is no https URL of a collector" % name)
        return urls

    def _level(self, options):
        name = str(options.get("RemoteLogLevel") or "").strip().upper()
        if name and name not in _sender.LEVELS:
            self.problems.append("RemoteLogLevel is %.50r instead of DEBUG, INFO, WARN or ERROR" % name)
        return _sender.LEVELS.get(name, 0)

    def _number(self, options, name, default, units, least, most):
        value = options.get(name)
        if value is None or value == "":
            return default
        matched = re.match(r"\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]*)\s*$", str(value))
        factor = units.get(matched.group(2).upper()) if matched else None
        number = float(matched.group(1)) * factor if factor else -1
        if least <= number <= most:
            return number
        self.problems.append("%s is %.50r instead of a number from %g to %g" % (name, value, least, most))
        return default


# --- The pilot --------------------------------------------------------------------------------------------------------

_FATAL_SIGNALS = ("SIGTERM", "SIGXCPU", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGQUIT")
_STDIN_WAIT, _LARGEST_STDIN = 0.5, 16 * 2**20
_MOST_AT_ONCE, _LOOK_SECONDS = 2**20, 0.1
_MARK, _MOST_MARKS = 128, 64


class OutputFile:
    """The file that a stream of the pilot's goes to, read behind its writers.

    What stands there *is* the classic log: also what children write to it that were given no pipe (``os.system``,
    ``subprocess.call``, forks). Under most batch systems output is such a regular file. Some cut it while the pilot
    runs: then reading goes on where the part ends that is known to stand there still, behind a line that says so.

    Raises:
        OSError, ValueError: It is none, or cannot be read.
    """

    def __init__(self, descriptor):
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("no regular file")
        self.key = (status.st_dev, status.st_ino)
        self._descriptor = descriptor
        self._reader = os.open("/proc/self/fd/%d" % descriptor, os.O_RDONLY)
        self._seen = status.st_size
        self._state = None
        # Places that were read to, with what stood before them. By these it is noticed that the file was cut, though
        # it has grown again since, and found out what is left of it.
        self._marks = [(0, b"")]
        self._mark(self._before(self._seen))
        # A writer that does not append goes on where it was, and leaves a hole below that place where the file was cut.
        self._hole_end, self._in_hole = 0, not self._seen
        self._ends_line = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def is_current(self):
        """Whether the stream still goes there."""
        try:
            status = os.fstat(self._descriptor)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.key

    def news(self, most):
        """Text that came since the last call, about ``most`` bytes of it."""
        status = os.fstat(self._reader)
        size, before, notice = status.st_size, self._state, ""
        self._state = (size, status.st_mtime_ns)
        if size < self._seen or (self._state != before and self._before(self._seen) != self._marks[-1][1]):
            notice = self._go_back(size)
        if self._in_hole or self._seen < self._hole_end:
            self._skip_hole(size)
        data = os.pread(self._reader, max(0, min(size - self._seen, most)), self._seen)
        if not data:
            return notice
        self._seen += len(data)
        self._mark((self._marks[-1][1] + data)[-_MARK:])
        data = self._without_hole(data)
        self._ends_line = data.endswith(b"\n") if data else self._ends_line
        return notice + self._decoder.decode(data)

    def _before(self, place):
        """What stands before a place."""
        begin = max(0, place - _MARK)
        return os.pread(self._reader, place - begin, begin)

    def _mark(self, text):
        if self._marks[-1][0] == self._seen:
            self._marks.pop()
        self._marks.append((self._seen, text))
        if len(self._marks) > _MOST_MARKS:
            del self._marks[1:-1:2]

    def _go_back(self, size):
        """To the end of what is left of the text that was read; a line on that."""
        seen, texts = self._seen, [text for _, text in self._marks]
        left = [self._marks[0]]
        for place, text in self._marks[1:]:
            if place > size or self._before(place) != text:
                break
            if texts.count(text) == 1:  # else it proves nothing
                left.append((place, text))
        self._marks = left
        self._seen = left[-1][0]
        self._hole_end, self._in_hole = max(seen, self._hole_end), True
        self._decoder.reset()
        sentence = (
            "The output's file was cut or written anew when %d bytes of it had been read; what stands there from byte "
            "%d on follows, and what came shortly before may be missing" % (seen, self._seen)
        )
        notice = _sender.stamped("WARN", sentence)
        notice, self._ends_line = notice if self._ends_line else "\n" + notice, True
        return notice

    def _without_hole(self, data):
        """What has just been read, without the NULs of a hole."""
        below = max(0, self._hole_end - (self._seen - len(data)))
        if not below and not self._in_hole:
            return data
        text, rest = data[:below], data[below:]
        if text:
            self._in_hole = text.endswith(b"\0")
        if rest and self._in_hole:
            rest = rest.lstrip(b"\0")
            self._in_hole = not rest
        return text.replace(b"\0", b"") + rest

    def _skip_hole(self, size):
        """Not all of a large hole is read."""
        try:
            place = os.lseek(self._reader, self._seen, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                return  # this file system does not know
            place = size
        if place > self._seen:
            self._seen, self._in_hole = place, True
            self._mark(self._before(place))


class Tee:
    """A stream that does what it did, and lets its text be known.

    Args:
        show: Called with each text, where there is no file to read it from.
        look: Called when text has come to the file, where there is one.
        file: The OutputFile that the stream goes to, if it is one.
    """

    def __init__(self, stream, show, look, file=None):
        self._stream = stream
        self._show = show
        self._look = look
        self._file = file
        self._writes_at_once = getattr(stream, "line_buffering", False) or getattr(stream, "write_through", False)
        if hasattr(stream, "buffer"):
            self.buffer = BinaryTee(stream.buffer, show, look, file)

    def write(self, text):
        if not self._file or not self._file.is_current():
            self._show_written(text)
            return self._stream.write(text)
        written = self._stream.write(text)
        if self._writes_at_once:
            self._look()
        return written

    def _show_written(self, text):
        if isinstance(text, str):
            self._show(text)

    def flush(self):
        self._stream.flush()
        if self._file:
            self._look()

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        if name == "_stream":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __iter__(self):
        return iter(self._stream)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._stream.close()


class BinaryTee(Tee):
    """``sys.stdout.buffer``, for those who write bytes."""

    def _show_written(self, data):
        if isinstance(data, (bytes, bytearray, memoryview)):
            self._show(bytes(data).decode("utf-8", "replace"))


class Pilot:
    """What the pilot's process says and how it ends.

    It is this process's only: forked children write where they wrote, and nothing of this module runs in them.

    Args:
        parameters: The pilot's ``PilotParams``.
        tools: Its module ``pilotTools``.
        main: Its module ``__main__``.
    """

    def __init__(self, parameters, tools, main, options):
        self._parameters = parameters
        self._tools = tools
        self._main = main
        self._options = options
        self._owner = os.getpid()
        self._is_on = True
        self._busy = 0
        self._signal_waits = None
        self._interrupt_waits = False
        self._code = 0
        log = _sender.Log(parameters.pilotUUID, getattr(parameters, "wnVO", None) or "", _sender.new_session())
        self._backlog = _sender.Backlog(log, os.getcwd(), options.memory, options.spill, options.lines)
        self._sender = _sender.Sender(self._backlog, options, self._context, self._look, self._off)
        self._files = {}
        self._looks = threading.RLock()
        self._looked_at = 0
        self._reference = self._submitted_as()

    def start(self):
        self._disarm()
        self._show(self._so_far())
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None:
                setattr(sys, name, Tee(stream, self._show, self._look_now_and_then, self._file_of(stream)))
        self._watch_end()
        self._watch_commands()
        if self._options.level == _sender.LEVELS["DEBUG"]:
            self._show_debug()
        self._sender.start()

    # What it says

    def _file_of(self, stream):
        try:
            stream.flush()
            file = OutputFile(stream.fileno())
        except (OSError, ValueError, AttributeError):
            return None
        return self._files.setdefault(file.key, file)

    def _look_now_and_then(self):
        """Look, but not after each line, unless the order of two files depends on it: the text is safe where it is."""
        now = time.monotonic()
        if len(self._files) > 1 or now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._look()

    def _look(self):
        """Take what has come to the output files."""
        self._show("")

    def _say(self, line):
        """Take a line of this module's own, behind all that was said before."""
        self._look_to_the_end()
        self._show(line if self._backlog.ends_line else "\n" + line)

    def _show(self, text):
        """Take a text, behind what has come to the output files."""
        if not self._is_on or os.getpid() != self._owner:
            return
        in_main = threading.current_thread() is threading.main_thread()
        if in_main:
            self._busy += 1
        try:
            with self._looks:
                for file in self._files.values():
                    self._backlog.append(file.news(_MOST_AT_ONCE))
                self._backlog.append(text)
        except Exception as error:
            self._off(error)
        finally:
            if in_main:
                self._busy -= 1
        if in_main:
            self._heed_signal()

    def _look_to_the_end(self):
        """The last look: all that there is, unless it grows faster than it can be read."""
        before = -1
        deadline = time.monotonic() + 1
        while before != self._backlog.appended and time.monotonic() < deadline:
            before = self._backlog.appended
            self._look()

    def _show_debug(self):
        """Messages that are too low to be printed, but not too low to be sent."""
        stock, show = self._tools.Logger.debug, self._show

        @functools.wraps(stock)
        def debug(logger, message, *arguments, **options):
            if not logger.debugFlag:
                for line in str(message).split("\n"):
                    show(logger.messageTemplate.format(level="DEBUG", message=line) + "\n")
            return stock(logger, message, *arguments, **options)

        self._tools.Logger.debug = debug

    def _so_far(self):
        """What was said before this module was there, and has not been sent by the pilot itself."""
        first = getattr(self._main, "log", None)
        if hasattr(first, "buffer"):
            unsent, first.buffer = first.buffer, _NoBuffer()
            unsent.cancelTimer()
            output = getattr(unsent, "output", None)
            if str(self._parameters.loggerURL).startswith("https:"):
                return "" if output is None or output.closed else output.getvalue()
            received = getattr(self._main, "receivedContent", "")  # sent to nobody: "data:," stands for no URL
        else:
            received = _received()
        parameters = getattr(self._main, "bufContent", "")
        return "".join(_ended(text) for text in (received, parameters, _said_since(parameters, first)))

    def _disarm(self):
        """The pilot's own remote logger, where RemoteLoggerURL has switched it on: from now on it does nothing."""
        sends = self._tools.sendMessage
        for module in list(sys.modules.values()):
            if getattr(module, "sendMessage", None) is sends:
                module.sendMessage = lambda *_arguments: None
        self._tools.FixedSizeBuffer = _NoBuffer

    # Who it is

    def _context(self):
        def known(name):
            return str(getattr(self._parameters, name, None) or "")

        context = {
            "site": known("site"),
            "ce": known("ceName"),
            "queue": known("queueName"),
            "host": socket.gethostname(),
            "pilotReference": known("pilotReference") or str(self._reference or ""),
            "pilotVersion": (known("releaseVersion") + " PilotLogging/" + __version__).strip(),
        }
        return {name: value for name, value in context.items() if value}

    def _submitted_as(self):
        find = getattr(self._tools, "getSubmitterInfo", None) or getattr(self._tools, "getFlavour", None)
        try:
            return find(self._parameters.ceName)[1]
        except Exception:  # of the pilot's code
            return ""

    # How it ends

    def _watch_end(self):
        atexit.register(self._on_exit)
        self._stock_hook, sys.excepthook = sys.excepthook, self._on_exception
        self._stock_exit, sys.exit = sys.exit, self._exit
        self._stock_system, os.system = os.system, self._system
        if threading.current_thread() is threading.main_thread():
            for name in _FATAL_SIGNALS:
                number = getattr(signal, name)
                if signal.getsignal(number) == signal.SIG_DFL:
                    signal.signal(number, self._on_signal)
            if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
                signal.signal(signal.SIGINT, self._on_interrupt)

    def _watch_commands(self):
        """With what a command ends is what the pilot ends with, unless another one follows."""
        stock, pilot = self._tools.CommandBase.__init__, self

        @functools.wraps(stock)
        def initialise(command, *arguments, **options):
            stock(command, *arguments, **options)
            pilot._code = 0
            if hasattr(command, "execute"):
                command.execute = pilot._watched(command.execute)

        self._tools.CommandBase.__init__ = initialise

    def _watched(self, execute):
        @functools.wraps(execute)
        def watched(*arguments, **options):
            try:
                result = execute(*arguments, **options)
            except SystemExit as error:
                self._note_exit(error.code)
                raise
            self._code = 0
            return result

        return watched

    def _note_exit(self, status):
        if os.getpid() == self._owner and threading.current_thread() is threading.main_thread():
            if status is None:
                self._code = 0
            else:
                # As Python and the kernel do it.
                self._code = 1 if not isinstance(status, int) else status & 0xFF if abs(status) < 2**63 else 255

    def _exit(self, *status):
        self._note_exit(status[0] if status else None)
        self._stock_exit(*status)

    def _on_exception(self, kind, error, trace):
        if os.getpid() == self._owner:
            is_interrupt = issubclass(kind, KeyboardInterrupt) and sys.version_info >= (3, 8)
            self._code = 130 if is_interrupt else 1
            self._say(_sender.stamped("ERROR", "The pilot ends with an exception"))
        if sys.version_info >= (3, 7):
            self._stock_hook(kind, error, _without_own_frames(trace))
        else:  # where tracebacks cannot be changed
            story = traceback.TracebackException(kind, error, trace)
            own = _own_files()
            story.stack[:] = [entry for entry in story.stack if entry.filename not in own]
            sys.stderr.write("".join(story.format()))

    def _on_exit(self):
        if os.getpid() == self._owner and self._is_on:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except (OSError, ValueError, AttributeError):  # Python says so itself when it flushes them
                    pass
            self._look_to_the_end()
            has_ended = self._end(self._code)
            self._is_on = False
            if not has_ended:
                # OpenSSL is taken down at a process's end and crashes if a thread still works with it.
                os._exit(self._code)

    def _end(self, code):
        self._busy += 1
        try:
            self._sender.end(code)
        finally:
            self._busy -= 1
        self._heed_signal()
        return self._sender.wait()

    def _on_interrupt(self, number, frame):
        """KeyboardInterrupt, but not while text is taken: that would be lost."""
        if self._busy:
            self._interrupt_waits = True
        else:
            signal.default_int_handler(number, frame)

    def _heed_signal(self):
        """The one that came while it could not be heeded."""
        if self._interrupt_waits and not self._busy:
            self._interrupt_waits = False
            raise KeyboardInterrupt
        if self._signal_waits and not self._busy:
            number, self._signal_waits = self._signal_waits, None
            self._on_signal(number, None)

    def _on_signal(self, number, _frame):
        """The log ends, then the signal has the effect that it had."""
        if self._busy:
            self._signal_waits = number  # the thread that sends needs what the interrupted call holds
            return
        try:
            if os.getpid() == self._owner and self._is_on:
                name = signal.Signals(number).name
                self._say(_sender.stamped("ERROR", "Signal %s (%d) received: the pilot ends" % (name, number)))
                self._end(128 + number)
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _system(self, command):
        """``os.system``, but a signal has its effect on the pilot at once, not when the command has ended: Python's
        handlers do not run inside of the C function. As in that one SIGINT and SIGQUIT are not for the pilot meanwhile.
        """
        if os.getpid() != self._owner or threading.current_thread() is not threading.main_thread():
            return self._stock_system(command)
        handlers = {}
        for number in (signal.SIGINT, signal.SIGQUIT):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                handlers[number] = signal.signal(number, lambda *_arguments: None)
        try:
            child = subprocess.Popen(os.fsencode(command), shell=True, close_fds=False, restore_signals=False)
            status = child.wait()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return -status if status < 0 else status << 8

    def _off(self, error):
        """An error in here: said once, then the pilot is alone again."""
        if not self._is_on:
            return
        self._is_on = False
        try:
            self._tools.Logger("PilotLogging").warn(f"Remote logging is off, for it failed: {error!r}")
        except Exception:  # a full disk, say
            pass


class _NoBuffer:
    """In the place of the pilot's ``FixedSizeBuffer``."""

    def __init__(self, *_arguments, **_options):
        pass

    def write(self, _text):
        pass

    def getValue(self):
        return ""

    def sendFullBuffer(self):
        pass

    def flush(self):
        pass

    def cancelTimer(self):
        pass


def _ended(text):
    return text if not text or text.endswith("\n") else text + "\n"


def _received():
    """The wrapper's log, which it hands over on standard input; nothing is waited for that does not come at once."""
    try:
        source = sys.stdin.fileno()
        mode = os.fstat(source).st_mode
        if not stat.S_ISFIFO(mode) and not stat.S_ISREG(mode):
            return ""
        pieces, size = [], 0
        while size < _LARGEST_STDIN and select.select([source], [], [], _STDIN_WAIT)[0]:
            piece = os.read(source, 65536)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
    except (OSError, ValueError, AttributeError):
        return ""
    return b"".join(pieces).decode("utf-8", "replace")


def _said_since(parameters, log):
    """What the pilot's first logger has written behind the output of the parameters: it is in ``pilot.out`` only."""
    lines = parameters.rstrip("\n").split("\n")
    try:
        with open(getattr(log, "out", None) or "pilot.out", encoding="utf-8", errors="replace") as file:
            content = file.read()
    except OSError:
        return ""
    for line in reversed(lines):
        place = content.rfind(line + "\n") if line else -1
        if place >= 0:
            return content[place + len(line) + 1 :]
    return ""


def _own_files():
    return {function.__code__.co_filename for function in (_own_files, _sender.stamped)}


def _without_own_frames(trace):
    """A traceback as it would be without this module's calls in between."""
    own, entry = _own_files(), trace
    while entry:
        while entry.tb_next and entry.tb_next.tb_frame.f_code.co_filename in own:
            entry.tb_next = entry.tb_next.tb_next  # novermin
        entry = entry.tb_next
    return trace


def _start():
    """Begin, if this is a pilot that sends its log."""
    main = sys.modules.get("__main__")
    parameters = getattr(main, "pilotParams", None)
    if not getattr(parameters, "pilotLogging", False):
        return
    tools = sys.modules[type(parameters).__module__]
    log, parameters.log = parameters.log, _Silence()
    try:
        section = parameters.getPilotOptionsDict()
    finally:
        parameters.log = log
    if not _is_on_list(parameters.ceName, section.get("RemoteLoggerCEsWhiteList")):
        return
    globals()["_runs"] = True
    if _fault:
        tools.Logger("PilotLogging").warn("Remote logging is off: " + _fault)
        return
    options = Options(section, parameters.loggerURL)
    if options.urls:
        Pilot(parameters, tools, main, options).start()
    else:
        for problem in options.problems:
            tools.Logger("PilotLogging").warn("Remote logging is off: " + problem)


def _is_on_list(ce, names):
    """Whether the CE sends its logs; pilots of before 2024 do not heed the white list themselves."""
    if names is None:
        return True
    return ce in [name.strip() for name in (names.split(",") if isinstance(names, str) else names)]


class _Silence:
    def __getattr__(self, _name):
        return lambda *_arguments, **_options: None


try:
    _start()
except Exception as _error:
    _runs = True  # once is enough
    # The pilot takes an exception here for a module that does not exist, without a word.
    print(f"PilotLogging: remote logging is off, for it failed: {_error!r}")
