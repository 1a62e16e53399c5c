# SPDX-License-Identifier: GPL-3.0-only
"""Loggers, parameters and the base of all commands of a small pilot.

Names, signatures and shapes are those of DIRAC's pilot wherever a command extension can touch them; its remote logger's
faults are here too: sends without a time-out under the buffer's lock, errors of a flush that nobody catches, and
replies that nobody reads.
"""

import fcntl
import getopt
import json
import os
import select
import ssl
import subprocess
import sys
from datetime import datetime, timezone
from functools import partial, wraps
from importlib import import_module
from io import StringIO
from threading import RLock, Timer
from urllib.parse import urlencode
from urllib.request import urlopen


def getCommand(params, commandName):
    """Look a command up in the extensions' modules, then in our own; one that cannot be imported does not count."""
    for module in [extension + "Commands" for extension in [*params.commandExtensions, "pilot"]]:
        try:
            found = getattr(import_module(module), commandName)
        except Exception:
            continue
        return found(params), module
    return None, None


class Logger:
    """Prints, and writes the same lines to pilot.out."""

    def __init__(self, name="Pilot", debugFlag=False, pilotOutput="pilot.out"):
        self.debugFlag = debugFlag
        self.name = name
        self.out = pilotOutput
        self._headerTemplate = "{datestamp} {{level}} [{name}] {{message}}"

    @property
    def messageTemplate(self):
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return self._headerTemplate.format(datestamp=now, name=self.name)

    def __outputMessage(self, msg, level, header):
        if self.out:
            with open(self.out, "a") as copy:
                for line in str(msg).split("\n"):
                    if header:
                        line = self.messageTemplate.format(level=level, message=line)
                    print(line)
                    copy.write(line + "\n")
        sys.stdout.flush()

    def setDebug(self):
        self.debugFlag = True

    def debug(self, msg, header=True):
        if self.debugFlag:
            self.__outputMessage(msg, "DEBUG", header)

    def error(self, msg, header=True):
        self.__outputMessage(msg, "ERROR", header)

    def warn(self, msg, header=True):
        self.__outputMessage(msg, "WARN", header)

    def info(self, msg, header=True):
        self.__outputMessage(msg, "INFO", header)


class RemoteLogger(Logger):
    """Prints, and puts the same messages into a buffer that goes to a collector."""

    def __init__(
        self,
        url,
        name="Pilot",
        debugFlag=False,
        pilotOutput="pilot.out",
        isPilotLoggerOn=True,
        pilotUUID="unknown",
        flushInterval=10,
        bufsize=1000,
        wnVO="unknown",
    ):
        super().__init__(name, debugFlag, pilotOutput)
        self.url = url
        self.pilotUUID = pilotUUID
        self.wnVO = wnVO
        self.isPilotLoggerOn = isPilotLoggerOn
        send = partial(sendMessage, url, pilotUUID, wnVO, "sendMessage")
        self.buffer = FixedSizeBuffer(send, bufsize=bufsize, autoflush=flushInterval)

    def debug(self, msg, header=True, _sendPilotLog=False):
        super().debug(msg, header)
        if self.isPilotLoggerOn and self.debugFlag:
            self.sendMessage(self.messageTemplate.format(level="DEBUG", message=msg))

    def error(self, msg, header=True, _sendPilotLog=False):
        super().error(msg, header)
        if self.isPilotLoggerOn:
            self.sendMessage(self.messageTemplate.format(level="ERROR", message=msg))

    def warn(self, msg, header=True, _sendPilotLog=False):
        super().warn(msg, header)
        if self.isPilotLoggerOn:
            self.sendMessage(self.messageTemplate.format(level="WARNING", message=msg))

    def info(self, msg, header=True, _sendPilotLog=False):
        super().info(msg, header)
        if self.isPilotLoggerOn:
            self.sendMessage(self.messageTemplate.format(level="INFO", message=msg))

    def sendMessage(self, msg):
        try:
            self.buffer.write(msg + "\n")
        except Exception as error:
            super().error("Message not sent")
            super().error(str(error))


def synchronized(func):
    @wraps(func)
    def wrapper(self, *args, **kwargs):
        with self._rlock:
            return func(self, *args, **kwargs)

    return wrapper


class RepeatingTimer(Timer):
    """Calls again and again, until the first call that raises."""

    def run(self):
        while not self.finished.wait(self.interval):
            self.function(*self.args, **self.kwargs)


class FixedSizeBuffer:
    """Text that is sent when it has so many lines, and by a timer."""

    def __init__(self, senderFunc, bufsize=1000, autoflush=10):
        self._rlock = RLock()
        self._timer = RepeatingTimer(autoflush, self.flush) if autoflush > 0 else None
        if self._timer is not None:
            self._timer.start()
        self.output = StringIO()
        self.bufsize = bufsize
        self._nlines = 0
        self.senderFunc = senderFunc

    @synchronized
    def write(self, text):
        if self.output.closed:
            self.output = StringIO()
        self.output.write(text)
        self._nlines += max(1, text.count("\n"))
        self.sendFullBuffer()

    @synchronized
    def getValue(self):
        return self.output.getvalue()

    @synchronized
    def sendFullBuffer(self):
        if self._nlines >= self.bufsize:
            self.flush()
            self.output = StringIO()

    @synchronized
    def flush(self):
        if not self.output.closed and self._nlines > 0:
            self.senderFunc(self.getValue())
            self._nlines = 0
            self.output.close()

    def cancelTimer(self):
        if self._timer is not None:
            self._timer.cancel()


def sendMessage(url, pilotUUID, wnVO, method, rawMessage):
    """Call a method of the collector, on a new connection, with a proxy or with a host certificate's directory."""
    certificate = os.getenv("X509_USER_PROXY")
    context = ssl.create_default_context()
    context.load_verify_locations(capath=os.getenv("X509_CERT_DIR"))
    fields = {"method": method, "args": json.dumps((json.dumps(rawMessage), pilotUUID, wnVO))}
    try:
        context.load_cert_chain(certificate)
    except IsADirectoryError:
        context.load_cert_chain(os.path.join(certificate, "hostcert.pem"), os.path.join(certificate, "hostkey.pem"))
        fields["extraCredentials"] = '"hosts"'
    urlopen(url, urlencode(fields).encode("utf-8"), context=context).close()


class CommandBase:
    """What all commands are made from."""

    def __init__(self, pilotParams):
        self.pp = pilotParams
        self.debugFlag = pilotParams.debugFlag
        on = pilotParams.pilotLogging and (pilotParams.loggerURL is not None)
        if on:
            self.log = RemoteLogger(
                pilotParams.loggerURL,
                self.__class__.__name__,
                pilotUUID=pilotParams.pilotUUID,
                debugFlag=self.debugFlag,
                flushInterval=pilotParams.loggerTimerInterval,
                bufsize=pilotParams.loggerBufsize,
                wnVO=pilotParams.wnVO,
            )
        else:
            self.log = Logger(self.__class__.__name__, debugFlag=self.debugFlag)
        self.log.isPilotLoggerOn = on
        self.log.debug(f"Initialized command {self.__class__.__name__}")

    def executeAndGetOutput(self, cmd, environDict=None):
        """Run a shell command, show its output while it comes, and give its exit code and what it wrote to stdout."""
        self.log.info(f"Executing command {cmd}")
        process = subprocess.Popen(
            cmd, shell=True, env=environDict, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=False
        )
        pipes = {process.stdout: sys.stdout, process.stderr: sys.stderr}
        for pipe in pipes:
            flags = fcntl.fcntl(pipe, fcntl.F_GETFL)
            fcntl.fcntl(pipe, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        output = ""
        while True:
            something = False
            for pipe in select.select(list(pipes), [], [])[0]:
                text = pipe.read().decode("ascii", "replace")
                if text:
                    something = True
                    pipes[pipe].write(text)
                    pipes[pipe].flush()
                    if pipe is process.stdout:
                        if hasattr(self.log, "buffer") and self.log.isPilotLoggerOn:
                            self.log.buffer.write(text)
                        output += text
            if not something:
                break
        for stream in (sys.stdout, sys.stderr):
            stream.write("\n")
            stream.flush()
        code = process.wait()
        self.log.debug(f"Return code of {cmd}: {code}")
        return (code, output)

    def exitWithError(self, errorCode):
        """End the pilot, and say what it was made of; without a pilot.cfg it ends with another error."""
        self.log.info("Content of pilot.cfg")
        with open("pilot.cfg") as configuration:
            print(configuration.read())
        self.log.info("List of child processes of current PID:")
        self.executeAndGetOutput(f"ps --forest -o pid,tty,stat,cmd -g {os.getpid()}")
        sys.exit(errorCode)

    def forkAndExecute(self, cmd, logFile, environDict=None):
        """Run a shell command in a forked pilot, and give that one's process id."""
        self.log.info(f"Fork and execute command {cmd}")
        child = os.fork()
        if child:
            return child
        with open(logFile, "ab", 0) as output:
            code = subprocess.call(cmd, shell=True, env=environDict, stdout=output, stderr=output)
        sys.exit(code)


class PilotParams:
    """What the command line and pilot.json say."""

    def __init__(self):
        self.log = Logger(self.__class__.__name__, debugFlag=True)
        self.rootPath = self.pilotRootPath = self.workingDir = os.getcwd()
        self.optList = {}
        self.keepPythonPath = False
        self.debugFlag = False
        self.pilotJSON = None
        self.commandExtensions = []
        self.commands = ["CheckWorkerNode"]
        self.commandOptions = {}
        self.site = ""
        self.setup = ""
        self.configServer = ""
        self.ceName = ""
        self.queueName = ""
        self.gridCEType = ""
        self.minDiskSpace = 1
        self.flavour = "DIRAC"
        self.pilotReference = ""
        self.releaseVersion = ""
        self.wnVO = ""
        self.installEnv = os.environ
        self.pilotCFGFile = "pilot.json"
        self.pilotLogging = False
        self.loggerURL = None
        self.loggerTimerInterval = 0
        self.loggerBufsize = 1000
        self.pilotUUID = "unknown"
        self.cmdOpts = (
            ("d", "debug", "Set debug flag"),
            ("g:", "loggerURL=", "Remote Logger service URL"),
            ("k", "keepPP", "Do not clear PYTHONPATH on start"),
            ("n:", "name=", "Set <Site> as Site Name"),
            ("r:", "release=", "DIRAC release to install"),
            ("z", "pilotLogging", "Activate pilot logging system"),
            ("D:", "disk=", "Require at least <space> MB available"),
            ("E:", "commandExtensions=", "Python modules with extra commands"),
            ("F:", "pilotCFGFile=", "Specify pilot CFG file"),
            ("N:", "Name=", "CE Name"),
            ("", "wnVO=", "Bind the resource (WN) to a VO"),
            ("Q:", "Queue=", "Queue name"),
            ("S:", "setup=", "DIRAC Setup to use"),
            ("X:", "commands=", "Pilot commands to execute"),
            ("Z:", "commandOptions=", "Options parsed by command modules"),
            ("", "pilotUUID=", "pilot UUID"),
        )
        self.__readCommandLine(
            {
                ("-N", "--Name"): lambda value: setattr(self, "ceName", value),
                ("-Q", "--Queue"): lambda value: setattr(self, "queueName", value),
                ("-d", "--debug"): lambda _: setattr(self, "debugFlag", True),
                ("-S", "--setup"): lambda value: setattr(self, "setup", value),
                ("-F", "--pilotCFGFile"): lambda value: setattr(self, "pilotCFGFile", value),
                ("--wnVO",): lambda value: setattr(self, "wnVO", value),
            }
        )
        with open(self.pilotCFGFile) as file:
            self.pilotJSON = json.load(file)
        self.__readJSON()
        self.__readCommandLine(
            {
                ("-E", "--commandExtensions"): lambda value: setattr(self, "commandExtensions", value.split(",")),
                ("-X", "--commands"): lambda value: setattr(self, "commands", value.split(",")),
                ("-Z", "--commandOptions"): lambda value: self.commandOptions.update(
                    [word.strip() for word in pair.split("=", 1)] for pair in value.split(",")
                ),
                ("-n", "--name"): lambda value: setattr(self, "site", value),
                ("-k", "--keepPP"): lambda _: setattr(self, "keepPythonPath", True),
                ("-D", "--disk"): lambda value: setattr(self, "minDiskSpace", int(value)),
                ("-r", "--release"): lambda value: setattr(self, "releaseVersion", value.split(",", 1)[0]),
                ("-z", "--pilotLogging"): lambda _: setattr(self, "pilotLogging", True),
                ("-g", "--loggerURL"): lambda value: setattr(self, "loggerURL", value),
                ("--pilotUUID",): lambda value: setattr(self, "pilotUUID", value),
            }
        )
        for name in ("X509_CERT_DIR", "X509_VOMS_DIR", "X509_VOMSES"):
            if not os.path.isdir(os.environ.get(name, "")) or not os.listdir(os.environ[name]):
                self.log.error(f"Could not find/set {name}")
                sys.exit(1)
            self.log.debug(f"{name} is {os.environ[name]}")

    def __readCommandLine(self, actions):
        short = "".join(option[0] for option in self.cmdOpts)
        self.optList, _ = getopt.getopt(sys.argv[1:], short, [option[1] for option in self.cmdOpts])
        self.log.debug(f"Options list: {self.optList}")
        for name, value in self.optList:
            for names, act in actions.items():
                if name in names:
                    act(value)

    def __readJSON(self):
        ce = self.pilotJSON.get("CEs", {}).get(self.ceName, {})
        self.site = ce.get("Site", self.site)
        self.gridCEType = ce.get("GridCEType", self.gridCEType)
        self.setup = self.setup or self.pilotJSON.get("DefaultSetup", "")
        options = self.getPilotOptionsDict()
        self.log.debug(f"PilotOptionsDict {options}")
        if options.get("RemoteLogging") is not None:
            self.pilotLogging = options["RemoteLogging"].upper() == "TRUE"
        self.loggerURL = options.get("RemoteLoggerURL")
        self.loggerTimerInterval = int(options.get("RemoteLoggerTimerInterval", self.loggerTimerInterval))
        self.loggerBufsize = max(1, int(options.get("RemoteLoggerBufsize", self.loggerBufsize)))
        whiteList = options.get("RemoteLoggerCEsWhiteList")
        if whiteList is not None:
            if not isinstance(whiteList, list):
                whiteList = [name.strip() for name in whiteList.split(",")]
            if self.ceName not in whiteList:
                self.pilotLogging = False
        if options.get("PilotLogLevel", "INFO").lower() == "debug":
            self.debugFlag = True
        self.log.debug(f"JSON: Remote logging: {self.pilotLogging}, URL: {self.loggerURL}")
        for key in (self.gridCEType, "Defaults"):
            commands = options.get("Commands", {}).get(key)
            if commands is not None:
                self.commands = commands if isinstance(commands, list) else [c.strip() for c in commands.split(",")]
                break
        if options.get("CommandExtensions"):
            self.commandExtensions = [name.strip() for name in options["CommandExtensions"].split(",")]
        self.configServer = ",".join(self.pilotJSON["ConfigurationServers"])
        self.releaseVersion = options.get("Version", self.releaseVersion).split(",", 1)[0].strip()
        self.log.debug(f"Version: {self.releaseVersion}")

    def getPilotOptionsDict(self):
        """The options of the sections that are this pilot's; those of a later section count more."""
        vo = self.wnVO or os.getenv("DIRAC_PILOT_VO") or "unknown"
        sections = ["Defaults", self.setup, f"{vo}/Defaults", f"{vo}/{self.setup}", vo]
        return self.getOptionForPaths([f"/{section}/Pilot" for section in sections], self.pilotJSON)

    @staticmethod
    def getOptionForPaths(paths, inDict):
        """The options of several sections; those of a later section count more. Sections that are missing are made."""
        options = {}
        for path in paths:
            section = inDict
            for name in path.strip("/").split("/"):
                section = section.setdefault(name, {})
            options.update(section)
        return options
