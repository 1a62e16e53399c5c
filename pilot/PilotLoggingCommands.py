"""Sends a grid pilot's log to the collectors of PilotLoggingDIRAC: every line, and without ever harming the pilot.

One file for the worker node: Python 3.6 to 3.14, standard library only. A stock DIRAC pilot imports it when it looks up
its first command, because of ``CommandExtensions = PilotLogging``; there are no commands in it. Importing it anywhere
else does nothing. How a VO brings it to its pilots: ``docs/pilots.md`` of PilotLoggingDIRAC.

The way of a line, in the order of the classes below::

    sys.stdout, sys.stderr --> Tee, OutputFile --> Backlog: memory, then spill files, then the oldest goes
                                          |
                          Sender's thread: LevelFilter, Redactor --> Collectors, Connection --> appendLog

Promises. No call of the pilot's own threads waits for the network. Memory, disk and the time at the pilot's end are
bounded, see :class:`Options`. What the pilot prints, its exit code and the effect of signals stay what they are. An
error in here is written once to the pilot's own log and switches the module off.

License: GPL-3.0-only
"""

import atexit
import binascii
import codecs
import collections
import fcntl
import functools
import http.client
import io
import itertools
import json
import os
import random
import re
import select
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import traceback
import zlib
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

__version__ = "0.2.0"

if globals().get("_runs"):
    # Pilots of before November 2025 execute an extension anew for each command; they take this for "no such command".
    raise ImportError("It runs already.")
_runs = False

# --- Options ----------------------------------------------------------------------------------------------------------

_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_TIMES = {"": 1, "S": 1, "M": 60, "H": 3600}
_LEVELS = {"DEBUG": 10, "VERBOSE": 15, "INFO": 20, "NOTICE": 25, "WARN": 30, "WARNING": 30, "ERROR": 40, "FATAL": 50}
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
        if name and name not in _LEVELS:
            self.problems.append("RemoteLogLevel is %.50r instead of DEBUG, INFO, WARN or ERROR" % name)
        return _LEVELS.get(name, 0)

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


# --- What is sent of the text -----------------------------------------------------------------------------------------


def stamped(level, message):
    """A line of this module's own, in the form of the pilot's."""
    now = time.time()
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return "%s.%06dZ %s [PilotLogging] %s\n" % (clock, now % 1 * 1000000, level, message)


class LevelFilter:
    """Leaves out messages below a level. A line without a header belongs to the message before it."""

    _HEADER = re.compile(r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.,]\d{1,9}Z ([A-Z]{4,8}) *\[")

    def __init__(self, least=0):
        """Args:
        least: One of the numbers of ``_LEVELS``, or 0 for all.
        """
        self._least = self._wanted = least
        self._passes = True
        self._inside_line = False

    def ask(self, name):
        """What a collector wants; it can raise the level and take that back, but not go below the CS's."""
        self._wanted = max(self._least, _LEVELS.get(name, 0))

    def keep(self, text):
        """What goes on, of a log's next piece."""
        if not text:
            return text
        kept, begin, passes = [], 0, self._passes
        if self._wanted > _LEVELS["DEBUG"] or not passes:
            for header in self._HEADER.finditer(text):
                if header.start() == 0 and self._inside_line:
                    continue
                if passes:
                    kept.append(text[begin : header.start()])
                begin = header.start()
                passes = _LEVELS.get(header.group(1), self._wanted) >= self._wanted
        if passes:
            kept.append(text[begin:])
        self._passes = passes
        self._inside_line = not text.endswith("\n")
        return "".join(kept)


# --- Secrets ----------------------------------------------------------------------------------------------------------
#
# The collector's own redaction runs behind this one and knows more. What it would leave alone is left alone here too.


class Pattern:
    """A regular expression that is compiled when it is first used: pilots without a remote log need none."""

    def __init__(self, pattern, flags=0):
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name):
        value = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, value)
        return value


MARK = b"[redacted]"
_KEY_LINES = 200  # of a private key; RSA with 16384 bits has 195
_CONTEXT = 160  # bytes of an unfinished line that are remembered, as they were sent
_SEEN = 80  # bytes of a value that decide
_MOST = 50000  # names judged in one piece; a line with a further one is redacted from there on

_HEADER = (
    rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.,][0-9]{1,6}Z[ ]{1,4}\w{1,16}[ ]{1,8}\[[^\]\r\n]{0,64}\][ ]"
    rb"|[0-9]{4}-[0-9]{2}-[0-9]{2}[ ][0-9:]{8}[ ]UTC[ ][^\s]{1,80}[ ]\w{1,16}:[ ])"
)

# How far a secret goes that has begun. Each matches at every place, so none goes back and forth.
_ENDINGS = {
    "line": Pattern(rb"[^\r\n\0]*"),
    "header": Pattern(rb"[^\"'\r\n\0]*"),
    "double": Pattern(rb"[^\"\\\r\n\0]*(?:\\[^\r\n\0][^\"\\\r\n\0]*){0,20000}\\?"),
    "single": Pattern(rb"[^'\\\r\n\0]*(?:\\[^\r\n\0][^'\\\r\n\0]*){0,20000}\\?"),
    "inner double": Pattern(rb"[^\"\\\r\n\0]*(?:\\+(?![\"\\])[^\"\\\r\n\0]*){0,20000}"),
    "inner single": Pattern(rb"[^'\\\r\n\0]*(?:\\+(?!['\\])[^'\\\r\n\0]*){0,20000}"),
    "password": Pattern(rb"[^\s/?#\"'<>@\0]*"),
    "argument": Pattern(rb"[^\s\"'`\0]*"),
    "word": Pattern(rb"[^\s\"'`<>&,;\0]*(?:[,;](?!\s|[\"'`<>&\0]|[\w.\-]{1,40}[=:]|\Z)[^\s\"'`<>&,;\0]*){0,20000}"),
    "token": Pattern(rb"[A-Za-z0-9._~+/=%\-]*"),
}

# Secrets that their own form gives away: words to look for in lower case, the pattern whose group is (the beginning
# of) the secret, the ending; without one the group is all of it.
_SERVICES = (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"gldt-")
_SERVICE = rb"(?:gh[opusr]_|github_pat_|gl(?:pa|d)t-)()(?=[A-Za-z0-9._~+/=%\-]{16}|[A-Za-z0-9._~+/=%\-]{1,15}\Z)"
_JWT = rb"()eyJ(?:hbGc|0eXA|raWQ|lbmM|jdHk|qa3U|qd2s|4NWM|4NXQ|4NXU|6aXA|2ZXI)"
_BEARER = (
    rb"(?i)bearer(?:[ \t]{1,4}|%20|\+)()(?:[a-z0-9._~+/=%\-]{20}|(?![0-9]{4}-[0-9]{2}|[0-9.]+(?![a-z0-9._~+/=%\-]))"
    rb"(?=[a-z._~+/=%\-]{0,19}[0-9])[a-z0-9._~+/=%\-]{6})"
)
_AMAZON = (
    rb"A[KS]IA[0-9A-Z]{16}[ \t:,;=/\"'|]{1,4}(?![0-9]{1,8}(?:/|\Z))()"
    rb"(?=[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])|[A-Za-z0-9/+]{7,40}\Z)"
)
_USER = rb"://[^\s/:@\[\]\"'<>?#]{0,128}:"
_FORMS = [
    (needles, Pattern(pattern), ending)
    for needles, pattern, ending in (
        ((b"eyj",), _JWT, "token"),
        ((b"bearer",), _BEARER, "token"),
        ((b"mda",), rb"()MDA[w-z0-5][A-Za-z0-9]{2}xvY2F0aW9u", "token"),
        ((b"://",), _USER + rb"([^\s/?#\"'<>\0]{1,511})@", ""),
        ((b"://",), _USER + rb"(?![0-9]{1,5}\Z)([^\s/?#\"'<>\0@]{1,512})\Z", "password"),
        ((b"sig=", b"signature="), rb"(?i)(?:[?&]|%26|%3f)(?:x-amz-|x-goog-)?sig(?:nature)?=()", "word"),
        (_SERVICES, _SERVICE, "token"),
        ((b"xox",), rb"xox[abps]-()(?=[A-Za-z0-9._~+/=%\-]{8}|[A-Za-z0-9._~+/=%\-]{1,7}\Z)", "token"),
        ((b"hvs.",), rb"hvs\.()(?=[A-Za-z0-9._~+/=%\-]{20}|[A-Za-z0-9._~+/=%\-]{1,19}\Z)", "token"),
        ((b"akia", b"asia"), _AMAZON, "token"),
    )
]

# Names that stand in front of secrets, as _is_secret writes them: in lower case, each part between underscores.
_NEEDLES = (b"pass", b"_pw", b"secret", b"token", b"credential", b"key", b"auth", b"cookie")
_SECRET_NAME = Pattern(
    rb"_[a-z0-9]*(?:password|passwd|passphrase|secret|token|apikey)_"
    rb"|_(?:(?:apikey|accesskey|secretkey|privatekey|authorization|authz|cookie|credential)s?"
    rb"|(?:passphrase|passwd|passwort|password|secret|token)s|passwort)_"
    rb"|_(?:access|account|api|auth|client|encryption|master|private|secret|shared|signing|storage)_key_"
    rb"|_auths?_\Z|[^_]_(?:pass|pwd?)_\Z"
)
_HARMLESS_NAME = Pattern(
    rb"_(?:age|alg|algorithm|audience|cache|class|count|dir|directory|enabled|endpoint|env|error|exp|expiration|expires"
    rb"|expiry|file|filename|flow|folder|format|helper|home|host|hostname|ids|(?<!_secret_)id|interval|iss|issuer|length|level"
    rb"|lifetime|limit|location|loc|manager|max|methods?|min|mode|module|name|paths?|plugin|policy|port|prompt|protocol"
    rb"|providers?|reader|renewal|required|scheme|scopes?|server|service|size|sock|socket|source|status|store|timeleft"
    rb"|timeout|ttl|types?|uri|url|used|user|username|valid|validity|version|amz_credentials?)_\Z"
)
_PASSWORD_NAME = Pattern(rb"(?:pass|passwd|passphrase|passwort|password|pwd?|secret)_")
_NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_CAMEL = Pattern(rb"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = Pattern(rb"[_.\-]+")
_HEADER_NAME = Pattern(rb"(?i)(?:(?:proxy-)?authorization|(?:set-)?cookie)\Z")
_REST_OF_NAME = Pattern(rb"[\w.\-]{0,48}")
_SIGN = Pattern(rb"[\"'\\]{0,3}(?:\][\"']?)?[ \t]{0,16}(?:(=>|:=|==?|:)[ \t]{0,16}|%3[dD])")
_NEXT_ARGUMENT = Pattern(rb"[\"'][ \t]{0,2},[ \t]{0,2}(?=b?[\"'])|[ \t]{1,16}(?!-)")
_LINE_BEGIN = Pattern(
    br"(?:" + _HEADER + br")?[\s>*+|<\-]{0,32}"
    br"((?:export|setenv|declare|typeset|local|readonly|set)[ \t]{1,4}(?:-\w{1,4}[ \t]{1,4})?)?[\"']?", re.I
)  # fmt: skip

# What stands behind such a name and is no secret.
_QUOTE = Pattern(rb"[bBrRuUfF]{0,2}(\\*)([\"'])")
_MAYBE_QUOTE = Pattern(rb"\[?[ \t]{0,4}[bBrRuUfF]{0,2}\\*\Z")
_LIST = Pattern(rb"\[[ \t]{0,4}[bBrRuU]?\\*[\"']")
_SCHEME = Pattern(rb"(?i)(?:bearer|basic|negotiate|digest|macaroon|token|aws4-hmac-sha256)(?:[ \t]{1,4}|%20|\+)")
_WORDS = frozenset(
    b"absent auth authentication authorization basic bearer denied disabled empty enabled error expired failed failure "
    b"false found fresh granted header hosts invalid is key length lookup macaroon missing negotiate nil no none not "
    b"null obtained off ok on optional password passwd proxy refused rejected renewed required secret self.password "
    b"self.token server set success token tokens true undefined unknown unset used valid was with wrong yes".split()
)
_BEGINNINGS = (
    b"-----begin ", b"./", b"../", b"~/", b"${", b"$(", b"file:", b"http://", b"https://", b"root://", b"roots://",
    b"dav://", b"davs://", b"srm://", b"gsiftp://", b"s3://", b"unix:",
)  # fmt: skip
_PROGRAM_BEGINNINGS = (*_BEGINNINGS, b"self.", b"os.", b"none,", b"none)", b"null,", b"true,", b"false,")
_PLACEHOLDER = Pattern(
    rb"\$[A-Z_][A-Z0-9_]*(?![A-Za-z0-9])"
    rb"|(?:\{(?:[\"'}\s\\]|\w{1,40}\})|%\(\w{1,40}\)s|<[A-Za-z][\w \-.]{0,60}(?:>|\sat\s))(?!\w)"
    rb"|(?:[{<%]|%\(\w{0,40}\)?)\Z"
)
_NUMBER = Pattern(rb"[+-]?[0-9]{1,6}(?:\.[0-9]{1,6})?(?:ms|s|m|h|d|B|kB|MB|%)?(?![^\s\"',;:)}\]&])")
_PATH = Pattern(rb"/(?:[a-z][a-z0-9_\-]{1,15}(?:/|(?![A-Za-z0-9+=]))|(?:DC|C|O|OU|CN)=|\s*\Z|[a-z]{0,8}\Z)")
_PROGRAM = Pattern(rb"[A-Za-z_]\w*(?:\.\w+){0,64}[(\[]")
_WORD = Pattern(rb"[^\s\"'`,;:)}\]&<>]*")
_DATE = Pattern(rb"[0-9]{4}-[0-9]{2}|[0-9.]+\Z")

_KEY_BEGIN = Pattern(rb"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_KEY_FRONT = Pattern(rb"(?:" + _HEADER + rb")?(?:[>|+*#][ \t]|[ \t]){0,64}(?:b?[\"'])?")
_KEY_BODY = Pattern(rb"=?[A-Za-z0-9+/]*={0,2}(?:\\r)?(?:\\n)?[\"']?[,;]?\s*\Z|\[redacted\]")
_KEY_UNFINISHED_END = Pattern(rb"-{1,5}(?:E(?:ND?)?)?\Z")
_UNFINISHED_HEADER = Pattern(rb"[0-9]{1,4}\Z|[0-9]{4}-")
_KEY_FIELD = Pattern(rb"(?:Proc-Type|DEK-Info|Version|Comment|Hash): ")
_KEY_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@functools.lru_cache(1000)
def _normal(name):
    """A name's parts without their numbers, in lower case, each between underscores: ``_my_token_`` of ``myToken2``."""
    parts = _SEPARATOR.split(_CAMEL.sub(b"_", name).lower())
    return b"_" + b"_".join(part.rstrip(b"0123456789") for part in parts if part) + b"_"


def _is_harmless(head, is_open, name, is_program):
    """Whether a value is none of a secret. Of an unfinished one, whether it may still become so.

    Args:
        head: The beginning of the value, or the rest of its line.
        name: As :func:`_normal` gives it.
        is_program: It has no quotes and may be program text.
    """
    if head.startswith(b"/"):
        return _PATH.match(head) is not None
    lower, beginnings = head.lower(), _PROGRAM_BEGINNINGS if is_program else _BEGINNINGS
    if lower.startswith(beginnings) or _PLACEHOLDER.match(head) or not head.strip(b"\"'`,;)}]> \t"):
        return True
    word = _WORD.match(lower).group()
    whole = word == lower.rstrip()
    if word in _WORDS and (whole or is_program):
        return True
    if is_open and whole and any(known.startswith(word) for known in _WORDS):
        return True
    if is_open and any(beginning.startswith(lower) for beginning in beginnings):
        return True
    if _NUMBER.match(head) and not _PASSWORD_NAME.search(name) and not (is_open and len(head) > 6):
        return True
    return is_program and _PROGRAM.match(head) is not None


def _is_telling(head, is_open):
    """Whether a bare word of a sentence is more than a word: it has a digit, or its end has not come yet."""
    word = _WORD.match(head).group()
    if len(word) < 6 or _DATE.match(word):
        return False
    if any(digit in word for digit in b"0123456789"):
        return True
    return is_open and word == head and not any(known.startswith(word.lower()) for known in _WORDS)


class _Piece:
    """What is looked at at once: a piece of the log behind the remembered beginning of its first line.

    A secret found in it is (start, end, name of the ending that it goes on with if the text ends in it, else "").
    """

    def __init__(self, raw):
        self.raw = raw
        self.lower = raw.lower()
        self.unfinished = not raw.endswith(b"\n")

    def secrets(self):
        return self._named() + self._formed()

    def _secret(self, start, ending):
        end = _ENDINGS[ending].match(self.raw, start).end()
        if self._is_open(end):
            return start, end, ending
        if ending == "word" and start < end:  # what may stand behind one, as in a sentence
            least = len(MARK) if self.raw.startswith(MARK, start) else 1
            end = start + max(least, len(self.raw[start:end].rstrip(b",;.)}]")))
        return start, end, ""

    def _is_open(self, end):
        return self.unfinished and end == len(self.raw)

    def _formed(self):
        found = []
        for needles, pattern, ending in _FORMS:
            if any(needle in self.lower for needle in needles):
                done = 0
                for match in pattern.finditer(self.raw):
                    # Going on behind the secret keeps the work in proportion to the length of the text.
                    if match.start(1) < done:
                        continue
                    secret = self._secret(match.start(1), ending) if ending else (*match.span(1), "")
                    done = secret[1]
                    if secret[0] < done:
                        found.append(secret)
        return found

    def _named(self):
        places, found, done, judged = [], [], 0, 0
        for needle in _NEEDLES:
            at = self.lower.find(needle)
            while at >= 0:
                places.append(at)
                at = self.lower.find(needle, at + len(needle))
        for at in sorted(places):
            if at < done:  # as above
                continue
            done = _REST_OF_NAME.match(self.raw, at).end()
            judged += 1
            secret = self._behind_name(at, done) if judged <= _MOST else self._secret(at, "line")
            if secret:
                found.append(secret)
                done = secret[1]
        return found

    def _behind_name(self, at, end):
        """The secret behind the name that has a word such as ``token`` at this place, and ends at that one."""
        sign = _SIGN.match(self.raw, end)
        behind = sign or _NEXT_ARGUMENT.match(self.raw, end)
        if not behind:
            return None
        before = self.raw[max(0, at - 64) : at]
        begin = len(before.rstrip(_NAME_BYTES)) + at - len(before)
        name = self.raw[begin:end]
        normal = _normal(name)
        if not _SECRET_NAME.search(normal) or _HARMLESS_NAME.search(normal):
            return None
        start, is_option, is_variable = behind.end(), name.startswith(b"-"), name == name.upper()
        if not sign and not is_option:
            return None
        ending = "argument" if is_option else "word"
        if sign and sign.group(1) == b":":
            ending = self._ending_behind_colon(begin, start, name, b'"' in sign.group() or b"'" in sign.group())
        elif sign and is_variable:
            line = self._line_begin(begin)
            ending = "line" if line and not line.group(1) else "word"
        return self._value(start, ending, normal, is_variable) if ending else None

    def _line_begin(self, begin):
        """A match if the name that begins here is the first of its line; with a group if ``export`` is before it."""
        earliest = max(0, begin - 200)
        line = max(self.raw.rfind(end, earliest, begin) for end in (b"\n", b"\r", b"\0")) + 1
        return _LINE_BEGIN.fullmatch(self.raw, line, begin) if line or not earliest else None

    def _ending_behind_colon(self, begin, start, name, has_quotes):
        """``"name": "value"``, ``Name: value`` of YAML and HTTP; in a sentence, words are no secrets: ""."""
        head = self.raw[start : start + _SEEN]
        has_scheme = _SCHEME.match(head)
        if _HEADER_NAME.match(name) and (has_quotes or has_scheme or b"cookie" in name.lower()):
            return "header"
        if has_quotes or has_scheme or _QUOTE.match(head):
            return "word"
        line = head.partition(b"\n")[0].rstrip()
        if (b" " not in line and self._line_begin(begin)) or _is_telling(line, self._is_open(start + len(line))):
            return "word"
        return ""

    def _value(self, start, ending, name, is_variable):
        """The value that begins here, if it is a secret; without its quotes and what stands behind it."""
        quote = _QUOTE.match(self.raw, start)
        if quote:
            start = quote.end()
            ending = ("inner " if quote.group(1) else "") + ("double" if quote.group(2) == b'"' else "single")
        elif _LIST.match(self.raw, start) or (self.unfinished and _MAYBE_QUOTE.match(self.raw, start)):
            return None
        scheme = _SCHEME.match(self.raw, start)
        start = scheme.end() if scheme else start
        # What decides is the beginning, so that a long harmless value is not read to its end again and again.
        beginning = _ENDINGS[ending].match(self.raw, start, start + _SEEN)
        is_open = self._is_open(beginning.end())
        head = beginning.group() if quote else self.raw[start : start + _SEEN]
        head = head.partition(b"\n")[0].partition(b"\r")[0]
        if beginning.end() == start or _is_harmless(head, is_open, name, not quote and not is_variable):
            return None
        return self._secret(start, ending)


class Redactor:
    """Takes secrets out of one log's text; follows it from piece to piece."""

    def __init__(self):
        self._context = b""  # the end of the unfinished last line as it was sent, ASCII only
        self._inside = ""  # name of the ending that the secret at the end of the last piece goes on with
        self._backslash = b""  # one that quotes the first character of the next piece
        self._key_lines = 0  # so many further lines may belong to a private key

    def redact(self, text):
        """The text with ``[redacted]`` in the place of each secret.

        The number of lines stays, and text without secrets stays as it is. Takes time in proportion to its length.

        Args:
            text: The next piece of the log. It may end anywhere.
        """
        data = text.encode("utf-8", "surrogatepass")
        if self._inside:
            data = self._behind_secret(data)
        if not data:
            return ""
        known = self._context
        piece = _Piece(known + data)
        secrets = self._keys(piece) + piece.secrets()
        sent = _without(piece.raw, len(known), secrets)
        self._context, self._inside, self._backslash = b"", "", b""
        if piece.unfinished:
            self._context = _context(known + sent)
            going_on = [secret for secret in secrets if secret[2]]
            if going_on:
                start, end, self._inside = min(going_on, key=lambda secret: secret[0])
                self._backslash = _last_backslash(piece.raw[start:end], self._inside)
        return sent.decode("utf-8", "surrogatepass")

    def _behind_secret(self, data):
        """What stands behind the secret that the last piece ended in."""
        data = self._backslash + data
        end = _ENDINGS[self._inside].match(data).end()
        self._backslash = _last_backslash(data, self._inside) if end == len(data) else b""
        return data[end:]

    def _keys(self, piece):
        """The lines of private keys, on lines of their own or on one line with ``\\n`` in it."""
        raw, found, place = piece.raw, [], 0
        while place < len(raw):
            begin = None if self._key_lines else _KEY_BEGIN.search(raw, place)
            if begin:
                place = begin.end()
            elif not self._key_lines:
                break
            end = raw.find(b"\n", place)
            is_last = end < 0
            end = len(raw) if is_last else end
            key_end = raw.find(b"-----END", place, end)
            if begin:
                secret = _rest_of_begin(raw, place, end if key_end < 0 else key_end, is_last)
            else:
                secret = _key_line(raw, place, end, is_last) if key_end < 0 else None
            if secret and secret[0] < secret[1]:
                found.append(secret)
            if key_end >= 0:
                self._key_lines, place = 0, key_end + len(b"-----END")
                continue
            if not begin and not secret:
                self._key_lines = 0  # no line of a key: it is looked at again, for it may begin another one
                continue
            if is_last:
                break  # it counts when it is finished
            self._key_lines = _KEY_LINES if begin else self._key_lines - 1
            place = end + 1
        return found


def _rest_of_begin(raw, start, end, is_last):
    """What stands behind ``-----BEGIN``: a key on one line with ``\\n`` in it."""
    body = raw[start:end].rstrip()
    if is_last:
        cut = _KEY_UNFINISHED_END.search(body[-8:])
        body = body[: len(body) - len(cut.group())] if cut else body
    return (start, start + len(body), "") if body.strip() else None


def _key_line(raw, start, end, is_last):
    """The key's part of one of its lines, which may be empty; None if this can be none."""
    line = raw[start:end].rstrip()
    front = _KEY_FRONT.match(line).end()
    body = line[front:]
    if is_last and not front and _UNFINISHED_HEADER.match(line):
        return start, start, ""
    if _KEY_BODY.match(body):
        return start + front, start + len(line), ""
    if _KEY_FIELD.match(body) or (is_last and _KEY_UNFINISHED_END.match(body)):
        return start, start, ""
    # Behind an unknown front: 24 characters of base64 are no word.
    word = (line.rsplit(None, 1) or [b""])[-1]
    letters = word.rstrip(b"=")
    length = len(letters) - len(letters.rstrip(_KEY_LETTERS))
    if MARK in word:
        return start + len(line) - len(word) + word.find(MARK), start + len(line), ""
    if length >= (7 if is_last else 24) and len(word) - len(letters) <= 2:
        return start + len(line) - len(word) + len(letters) - length, start + len(line), ""
    return (start, start, "") if is_last else None


def _last_backslash(text, ending):
    odd = (len(text) - len(text.rstrip(b"\\"))) % 2
    return b"\\" if odd and ending in ("double", "single") else b""


def _context(sent):
    """What is remembered of the unfinished last line."""
    line = sent[max(sent.rfind(b"\n"), sent.rfind(b"\0")) + 1 :]
    if len(line) > _CONTEXT:
        line = b"~~~" + line[3 - _CONTEXT :]
    return re.sub(rb"[^\t\r -~]", b"~", line)


def _without(raw, known, secrets):
    """``raw[known:]`` with a mark in the place of each secret. What is before ``known`` has been sent already."""
    pieces, done, marked = [], known, raw[:known].endswith(MARK)
    for start, end, _ in sorted(secrets):
        if end <= done:
            continue
        if start > done:
            pieces.append(raw[done:start])
            marked = False
        # Secrets that touch or overlap are one, also over the border of two pieces.
        if not marked:
            pieces.append(MARK)
        done, marked = end, True
    return b"".join(pieces) + raw[done:]


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
        with open(block.path, "rb") as file:
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
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return []
        lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_NOFOLLOW)
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
        key: Equal for equal credentials, so that renewed ones are noticed.
    """

    def __init__(self):
        self.certificate = self.private_key = self.token = None
        self.is_host = False
        proxy = os.environ.get("X509_USER_PROXY")
        if proxy and os.path.isdir(proxy):
            self.is_host = True
            self._use(os.path.join(proxy, "hostcert.pem"), os.path.join(proxy, "hostkey.pem"))
        elif proxy and os.access(proxy, os.R_OK):
            self._use(proxy, proxy)
        else:
            self.token = self._discover()
            default = "/tmp/x509up_u%d" % os.getuid()
            if not self.token and os.access(default, os.R_OK):
                self._use(default, default)
        self.key = (self.certificate, self.token, self._version())

    def _use(self, certificate, private_key):
        self.certificate, self.private_key = certificate, private_key

    def _version(self):
        try:
            status = os.stat(self.certificate)
        except (OSError, TypeError):
            return None
        return (status.st_mtime_ns, status.st_ino, status.st_size)

    @staticmethod
    def _discover():
        token = os.environ.get("BEARER_TOKEN", "").strip()
        name = "bt_u%d" % os.getuid()
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        files = [os.environ.get("BEARER_TOKEN_FILE"), runtime and os.path.join(runtime, name), "/tmp/" + name]
        for path in files:
            if token or not path:
                continue
            try:
                with open(path) as file:
                    token = file.read(65536).strip()
            except (OSError, ValueError):
                pass
        # A line end in it would be a header of somebody else's.
        return token if re.match(r"[!-~]+\Z", token) else None

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
            context.load_cert_chain(self.certificate, self.private_key, password="")  # never ask for one
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

    def is_fresh(self, credentials):
        return bool(self._socket) and self.credentials.key == credentials.key and time.monotonic() < self._oldest

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
    """All collectors: a batch goes to the one that took the last one; if that fails to the others, in random order."""

    def __init__(self, options, give_up_at):
        self._options = options
        self._give_up_at = give_up_at
        self._kept = None
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
        credentials = Credentials()
        if credentials.is_host:
            fields = dict(fields, extraCredentials='"hosts"')
        kept, self._kept = self._kept, None
        if kept and not kept.is_fresh(credentials):
            kept.close()
            kept = None
        failure = refusal = stale = None
        tried = set()
        if kept:
            tried.add(kept.place.key)
            try:
                return self._ask(kept, fields, is_right)
            except Failed as error:
                failure, stale = error, error.stale
            except Refused as error:
                refusal = error
        context = self._context_for(credentials)
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
                    Connection(place, credentials, context, self._options, self._give_up_at), fields, is_right
                )
            except Failed as error:
                failure = error if not failure or error.retry_after >= failure.retry_after else failure
            except Refused as error:
                refusal = error
        if refusal:
            refusal.by_all = failure is None
            raise refusal
        raise failure or Failed("there is no collector")

    def _context_for(self, credentials):
        key = (credentials.key, os.environ.get("X509_CERT_DIR"))
        if time.monotonic() >= self._give_up_at(time.monotonic()):
            raise Failed("the pilot ends")
        if key != self._context_key:
            try:
                self._context = credentials.context()
            except (OSError, ValueError) as error:
                raise Failed(f"the credentials cannot be used: {error}") from None
            self._context_key = key
        return self._context

    def _ask(self, connection, fields, is_right):
        url = connection.place.url
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
        self._collectors = Collectors(options, self._give_up_at)
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


# --- The pilot --------------------------------------------------------------------------------------------------------

_FATAL_SIGNALS = ("SIGTERM", "SIGXCPU", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGQUIT")
_STDIN_WAIT, _LARGEST_STDIN = 0.5, 16 * 2**20
_MOST_AT_ONCE, _LOOK_SECONDS = 2**20, 0.1


class OutputFile:
    """The file that a stream of the pilot's goes to, read behind its writers.

    What stands there *is* the classic log: also what children write to it that were given no pipe (``os.system``,
    ``subprocess.call``, forks). Under most batch systems output is such a regular file.

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
        size = os.fstat(self._reader).st_size
        if size <= self._seen:
            self._seen = size  # it may have been cut
            return ""
        data = os.pread(self._reader, min(size - self._seen, most), self._seen)
        self._seen += len(data)
        return self._decoder.decode(data)


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
        log = Log(parameters.pilotUUID, getattr(parameters, "wnVO", None) or "", new_session())
        self._backlog = Backlog(log, os.getcwd(), options.memory, options.spill, options.lines)
        self._sender = Sender(self._backlog, options, self._context, self._look, self._off)
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
        if self._options.level == _LEVELS["DEBUG"]:
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
            self._say(stamped("ERROR", "The pilot ends with an exception"))
        if sys.version_info >= (3, 7):
            self._stock_hook(kind, error, _without_this_file(trace))
        else:  # where tracebacks cannot be changed
            story = traceback.TracebackException(kind, error, trace)
            story.stack[:] = [entry for entry in story.stack if entry.filename != _THIS_FILE]
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
                self._say(stamped("ERROR", "Signal %s (%d) received: the pilot ends" % (name, number)))
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


_THIS_FILE = _quietly.__code__.co_filename


def _without_this_file(trace):
    """A traceback as it would be without this module's calls in between."""
    entry = trace
    while entry:
        while entry.tb_next and entry.tb_next.tb_frame.f_code.co_filename == _THIS_FILE:
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
    options = Options(section, parameters.loggerURL)
    if not _is_on_list(parameters.ceName, section.get("RemoteLoggerCEsWhiteList")):
        return
    globals()["_runs"] = True
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
    # The pilot takes an exception here for a module that does not exist, without a word.
    print(f"PilotLogging: remote logging is off, for it failed: {_error!r}")
