# SPDX-License-Identifier: GPL-3.0-only
"""Passwords in command lines: options that take one without a name that says so, such as ``curl -u user:password``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .spans import Span, Text, span

_TRIES = 8
"""Of one command on one line: a long line can have it everywhere."""

_FAR = 400
_END = re.compile(rb"[|;\r\n\0]")
# Between an option and its value, in a shell or in a list of Python; then perhaps a quote, and no variable.
_SIGN = rb"(?:[ \t=]{0,4}|[\"'],[ \t]{0,2})([\"']?)"
_GAP = rb"(?:[ \t=]{1,4}|[\"'],[ \t]{0,2})([\"']?)"
_VALUE = rb"(?=[^\s\"'])(?!\$[A-Z_{(])"
_USER = rb"[^\s:\"']{1,64}:" + _VALUE
_LOGIN = rb"[ \t\"']-p" + _SIGN + rb"(?!-)" + _VALUE
_PASSWORD = rb"[ \t\"']-p" + _GAP + rb"(?!-)" + _VALUE

# Tools with a command "login".
_LOGINS = (b"docker", b"podman", b"nerdctl", b"buildah", b"skopeo", b"helm", b"oras", b"crane", b"apptainer", b"oc")
# A word to look for, what stands behind it if it is the command, and the options up to the password.
COMMANDS = tuple(
    (needle, re.compile(behind), re.compile(option))
    for needle, behind, option in (
        (b"sshpass", rb"[ \t\"']", rb"(?<=sshpass)[ \t\"',]{1,4}-p" + _SIGN + _VALUE),
        (b"mysql", rb"(?:dump|admin|import|show|sh)?[ \t\"']", rb"[ \t\"']-p([\"']?)" + _VALUE),
        (b"mariadb", rb"(?:-[a-z]{1,8})?[ \t\"']", rb"[ \t\"']-p([\"']?)" + _VALUE),
        # Letters of curl's options without a value, then u or U.
        (
            b"curl",
            rb"[ \t\"']",
            rb"[ \t\"'](?:-[0-46aBfgGiIjJklLMnNOpqRsSvVZ#]{0,8}[uU]"
            + _SIGN
            + rb"|--(?:proxy-)?user"
            + _GAP
            + rb")"
            + _USER,
        ),
        *(
            (tool, rb"[ \t][^\r\n|;\0]{0,60}?login[ \t]|[\"'],[ \t]?[\"'][^\r\n|;\0]{0,60}?login[\"']", _LOGIN)
            for tool in _LOGINS
        ),
        (b"ldap", rb"(?:search|modify|add|delete|whoami|passwd)[ \t\"']", rb"[ \t\"']-[xZLvn]{0,4}w" + _SIGN + _VALUE),
        (b"redis-cli", rb"[ \t\"']", rb"[ \t\"']-a" + _GAP + _VALUE),
        (b"mongo", rb"(?:sh|dump|restore|import|export)?[ \t\"']", _PASSWORD),
        (b"twine", rb"[ \t\"']", _PASSWORD),
        (b"smbclient", rb"[ \t\"']", rb"[ \t\"']-U" + _SIGN + rb"[^\s%\"']{1,64}%" + _VALUE),
        (b"http ", rb"", rb"(?:(?<=http )|[ \t])-a" + _SIGN + _USER),
        (b"--creds", rb"", rb"(?<=--creds)" + _GAP + _USER),
        (b"-creds", rb"", rb"(?<=--src-creds)" + _GAP + _USER + rb"|(?<=--dest-creds)" + _GAP + _USER),
        (b"--proxy-user", rb"", rb"(?<=--proxy-user)" + _GAP + _USER),
        (b"-pass", rb"(?:in|out)?[ \t=\"']", rb"(?<=-pass)(?:in|out)?" + _GAP + rb"pass:" + _VALUE),
    )
)
_QUOTED = {b'"': "double", b"'": "single"}


def find(text: Text) -> Iterator[Span]:
    """Passwords of command lines; not in order."""
    log_in = b"login" in text.raw
    for needle, behind, option in COMMANDS:
        if needle in _LOGINS and not log_in:
            continue
        at = text.raw.find(needle)
        if at >= 0:
            yield from _of_command(text, at, needle, behind, option)


def _of_command(
    text: Text, at: int, needle: bytes, behind: re.Pattern[bytes], option: re.Pattern[bytes]
) -> Iterator[Span]:
    raw, line_end, tries = text.raw, 0, 0
    while at >= 0:
        if at >= line_end:
            line_end = raw.find(b"\n", at)
            line_end, tries = len(raw) if line_end < 0 else line_end, _TRIES
        start = at + len(needle)
        if found := behind.match(raw, start):
            ended = _END.search(raw, found.end(), start + _FAR)
            # The option begins with the blank that ends the command; its value is looked at beyond the end.
            yield from _options(text, start, ended.start() if ended else min(len(raw), start + _FAR), option)
        tries -= 1
        at = raw.find(needle, start if tries else line_end)


def _options(text: Text, start: int, end: int, option: re.Pattern[bytes]) -> Iterator[Span]:
    while found := option.search(text.raw, start, end):
        quote = next((group for group in found.groups() if group), b"")
        secret = span(text, found.end(), _QUOTED.get(quote, "argument"))
        yield secret
        start = max(secret.end, found.end())
