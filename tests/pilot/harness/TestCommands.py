# SPDX-License-Identifier: GPL-3.0-only
"""Commands that do one thing that pilots do. Environment variables, named in their docstrings, say how."""

import os
import signal
import subprocess
import sys
import threading
import time

from pilotCommands import logFinalizer
from pilotTools import CommandBase


def number(name, default):
    return int(os.environ.get(name, default))


class Speak(CommandBase):
    """Says something on every channel.

    TEST_TEXT: one more line.
    """

    @logFinalizer
    def execute(self):
        self.log.debug("a debug message")
        self.log.info("an info message")
        self.log.warn("a warning")
        self.log.error("an error\nin two lines")
        self.log.info("without a header", header=False)
        self.log.info("umlauts and more: \u00fc \u20ac \U0001d11e")
        self.log.info("")
        print("printed, two", "words")
        sys.stdout.write("written in ")
        sys.stdout.write("pieces\n")
        sys.stdout.flush()
        sys.stderr.write("written to stderr\n")
        sys.stderr.flush()
        print("printed to stderr", file=sys.stderr, flush=True)
        if "TEST_TEXT" in os.environ:
            self.log.info(os.environ["TEST_TEXT"])


class RunShell(CommandBase):
    """Runs TEST_SHELL through executeAndGetOutput."""

    @logFinalizer
    def execute(self):
        default = "echo to stdout; sleep 0.1; echo to stderr >&2; sleep 0.1; printf 'without an end'; exit 7"
        code, output = self.executeAndGetOutput(os.environ.get("TEST_SHELL", default), self.pp.installEnv)
        self.log.info(f"It ended with {code} and said {len(output)} characters")


class Exit(CommandBase):
    """Calls sys.exit with TEST_EXIT: a number if it looks like one, a text otherwise, nothing if it is not there."""

    @logFinalizer
    def execute(self):
        self.log.info("Exiting")
        status = os.environ.get("TEST_EXIT")
        sys.exit(int(status) if status and status.lstrip("-").isdigit() else status)


class RaiseSystemExit(CommandBase):
    """Raises SystemExit with the text TEST_EXIT; nothing of the pilot sees it before Python does."""

    def execute(self):
        self.log.info("Raising")
        raise SystemExit(os.environ.get("TEST_EXIT", "a text"))


class Fail(CommandBase):
    """Raises an exception that nobody expects, with the text TEST_TEXT."""

    @logFinalizer
    def execute(self):
        self.log.info("Failing")
        raise RuntimeError(os.environ.get("TEST_TEXT", "unexpected"))


class ExitWithError(CommandBase):
    """Gives up with TEST_EXIT (1) as the pilot's commands do."""

    @logFinalizer
    def execute(self):
        self.exitWithError(number("TEST_EXIT", 1))


class Sleep(CommandBase):
    """Sleeps TEST_SECONDS (60), in Python or, if TEST_IN_SHELL is set, in a shell command."""

    @logFinalizer
    def execute(self):
        seconds = os.environ.get("TEST_SECONDS", "60")
        if os.environ.get("TEST_IN_SHELL"):
            self.executeAndGetOutput(f"echo Sleeping; exec sleep {seconds}")
        else:
            self.log.info("Sleeping")
            time.sleep(float(seconds))
        self.log.info("Awake")


class Fork(CommandBase):
    """Forks; the child prints and ends with 5, as TEST_CHILD says: exit, _exit, raise, exec or log (the default)."""

    @logFinalizer
    def execute(self):
        how = os.environ.get("TEST_CHILD", "log")
        self.log.info("Forking")
        child = os.fork()
        if child == 0:
            print("the child was here", flush=True)
            if how == "raise":
                raise RuntimeError("of the child")
            if how == "exec":
                os.execv(sys.executable, [sys.executable, "-c", "print('the new program was here'); exit(5)"])
            if how == "log":
                self.log.info("the child logs")
                how = "exit"
            (sys.exit if how == "exit" else os._exit)(5)
        _, status = os.waitpid(child, 0)
        self.log.info(f"The child ended with {os.WEXITSTATUS(status)}")


class ForkAndExecute(CommandBase):
    """Runs TEST_SHELL through forkAndExecute, with its output in a file."""

    @logFinalizer
    def execute(self):
        child = self.forkAndExecute(os.environ.get("TEST_SHELL", "echo in the fork"), "forked.out")
        _, status = os.waitpid(child, 0)
        self.log.info(f"The child ended with {os.WEXITSTATUS(status)}")


class ManyLines(CommandBase):
    """Says TEST_LINES (1000) numbered lines: log (the default) or, as TEST_BY says, print or shell.

    TEST_PAUSE: seconds between two lines. TEST_THREADS: so many threads do that at once.
    """

    @logFinalizer
    def execute(self):
        lines, by = number("TEST_LINES", 1000), os.environ.get("TEST_BY", "log")
        begun = time.time()
        if by == "shell":
            self.executeAndGetOutput(f"seq -f 'line %.0f' 1 {lines}")
        elif "TEST_THREADS" in os.environ:
            names = [f"thread {index + 1} " for index in range(number("TEST_THREADS", 1))]
            threads = [threading.Thread(target=self.say, args=(name, lines, by)) for name in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            self.say("", lines, by)
        self.log.info(f"{lines} lines took {time.time() - begun:.2f} s")

    def say(self, name, lines, by):
        pause = float(os.environ.get("TEST_PAUSE", "0"))
        for index in range(1, lines + 1):
            if by == "log":
                self.log.info(f"{name}line {index}")
            else:
                print(f"{name}line {index}")
            if pause:
                time.sleep(pause)


class LongLine(CommandBase):
    """Prints a line of TEST_BYTES (100 MB); in a shell command, if TEST_IN_SHELL is set."""

    @logFinalizer
    def execute(self):
        length = number("TEST_BYTES", 100 * 10**6)
        if os.environ.get("TEST_IN_SHELL"):
            self.executeAndGetOutput(f"head -c {length} /dev/zero | tr '\\0' x")
        else:
            print("x" * length)
        self.log.info("That was long")


class CallSystem(CommandBase):
    """Runs TEST_SHELL in a child that has the pilot's own stdout and stderr: os.system, then subprocess."""

    @logFinalizer
    def execute(self):
        command = os.environ.get("TEST_SHELL", "echo straight to stdout; echo straight to stderr >&2")
        sys.stdout.flush()
        self.log.info(f"os.system: {os.system(command)}")
        self.log.info(f"subprocess: {subprocess.call(command, shell=True)}")


class WriteBytes(CommandBase):
    """Writes bytes, as those do that know of no encoding; a shell command does so too."""

    @logFinalizer
    def execute(self):
        sys.stdout.buffer.write(b"no UTF-8: \xff\xfe, NUL: \0, escape: \x1b[1m, progress: 1 %\r2 %\r\n")
        sys.stdout.flush()
        self.executeAndGetOutput("printf 'no UTF-8: \\377, NUL: \\0, UTF-8: \\303\\274\\r\\n'")


class Unprintable(CommandBase):
    """Prints what its output cannot take, as a file name can be, and fails."""

    @logFinalizer
    def execute(self):
        self.log.info("Printing")
        print("a file called \udcff")


class ShowThreads(CommandBase):
    """Says how many threads there are, and whether the standard streams and the signals are Python's own."""

    @logFinalizer
    def execute(self):
        self.log.info(f"Threads: {threading.active_count()}")
        self.log.info(f"Streams: {sys.stdout is sys.__stdout__} {sys.stderr is sys.__stderr__}")
        self.log.info(f"Hook: {sys.excepthook is sys.__excepthook__}")
        signals = (signal.SIGTERM, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2)
        self.log.info(f"Signals: {all(signal.getsignal(number) == signal.SIG_DFL for number in signals)}")


class BreakModule(CommandBase):
    """Lets a method of the worker-node module raise from now on: TEST_BREAK, such as Backlog.append."""

    @logFinalizer
    def execute(self):
        def broken(*_arguments, **_options):
            raise RuntimeError("broken on purpose")

        self.log.info("Breaking")
        place = sys.modules["PilotLoggingSender"]
        *owners, name = os.environ["TEST_BREAK"].split(".")
        for owner in owners:
            place = getattr(place, owner)
        setattr(place, name, broken)
        self.log.info("Broken")
