# SPDX-License-Identifier: GPL-3.0-only
"""Takes secrets out of a pilot's log before it leaves the worker node: a part of PilotLoggingCommands.py.

Python 3.6 to 3.14, standard library only. It lies beside that file, which says what happens when it does not.

The collector's own redaction runs behind this one and knows more. What it would leave alone is left alone here too.

License: GPL-3.0-only
"""

import bisect
import functools
import re

__version__ = "0.2.0"


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
_LOOSE = 1000  # on top of it: a line that was none of the key came, so only a line that is plainly one goes on
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
    "list": Pattern(rb"[^\]\r\n\0]*"),
    "argument": Pattern(rb"[^\s\"'`\0]*"),
    "word": Pattern(rb"[^\s\"'`<>&,;\0]*(?:[,;](?!\s|[\"'`<>&\0]|[\w.\-]{1,40}[=:]|\Z)[^\s\"'`<>&,;\0]*){0,20000}"),
    "token": Pattern(rb"[A-Za-z0-9._~+/=%\-]*"),
}

# What colours a terminal. Secrets are looked for in the text without it, and taken out of the text with it.
_ESCAPE = Pattern(
    rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}[@-~]|\][^\x07\x1b\r\n\0]{0,256}(?:\x07|\x1b\\)|[()][0-9AB]|[=>78cDEHMNOZ])"
)
_UNFINISHED_ESCAPE = Pattern(rb"\x1b(?:\[[0-?]{0,64}[ -/]{0,4}|\][^\x07\x1b\r\n\0]{0,256}|[()])?\Z")

# Secrets that their own form gives away: words to look for in lower case, the pattern whose group is (the beginning
# of) the secret, the ending; without one the group is all of it.
_SERVICES = (
    b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"gldt-", b"glrt-", b"glcbt-", b"glptt-",
    b"glft-", b"glimt-", b"glagent-", b"glwt-", b"glsoat-", b"glffct-", b"glrtr-", b"gloas-", b"xox", b"xapp-",
    b"hvb.", b"hvs.", b"hvr.", b"ya29.", b"dckr_", b"gocspx-", b"pypi-", b"hf_", b"npm_", b"aiza", b"sk-",
)  # fmt: skip
# A short prefix needs a border in front of it and a run of letters and digits behind it.
_SERVICE = (
    rb"(?:"
    rb"(?:gh[opusr]_|github_pat_|gl(?:pa|d|r|cb|pt|f|im|agen|w|soa|ffc)t-|glrtr-|gloas-|dckr_[po]at_|GOCSPX-)"
    rb"(?=[A-Za-z0-9._~+/=%\-]{16}|[A-Za-z0-9._~+/=%\-]{1,15}\Z)"
    rb"|(?:xox[abeprs]-|xapp-)(?=[A-Za-z0-9._~+/=%\-]{8}|[A-Za-z0-9._~+/=%\-]{1,7}\Z)"
    rb"|(?:hv[bsr]\.|ya29\.)(?=[A-Za-z0-9._~+/=%\-]{20}|[A-Za-z0-9._~+/=%\-]{1,19}\Z)"
    rb"|pypi-(?=AgE[A-Za-z0-9_\-]{13}|AgE[A-Za-z0-9_\-]{0,12}\Z)"
    rb"|(?<![A-Za-z0-9_\-])(?:(?:hf_|npm_)(?=[A-Za-z0-9]{20}|[A-Za-z0-9]{7,19}\Z)"
    rb"|AIza(?=[A-Za-z0-9_\-]{30}|[A-Za-z0-9_\-]{7,29}\Z)"
    rb"|sk-(?=(?:[a-z0-9]{1,8}-){0,3}[A-Za-z0-9_]{16}|[A-Za-z0-9_\-]{7,40}\Z)(?=[a-z_\-]{0,40}[A-Z0-9]))"
    rb")()"
)
_TOKEN_AS_USER = (
    rb"://(?!A[KS]IA)(?=[A-Za-z_\-]{0,511}[0-9])(?=[0-9_\-]{0,511}[A-Za-z])([A-Za-z0-9_\-]{20,512})"
    rb"(?=(?::(?:x-oauth-basic)?)?@|:x(?:-[a-z\-]{0,12})?\Z)"
)
_CUT_TOKEN_AS_USER = (
    rb"://(?!A[KS]IA)(?=[A-Za-z_]{0,6}[0-9])(?=[0-9_]{0,6}[A-Za-z])([A-Za-z0-9_]{7}[A-Za-z0-9_\-]{0,505}:?)\Z"
)
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
        ((b"://",), _TOKEN_AS_USER, ""),
        ((b"://",), _CUT_TOKEN_AS_USER, "password"),
        ((b"akia", b"asia"), _AMAZON, "token"),
    )
]

# Passwords in command lines: options that take one without a name that says so.
_TRIES = 8  # of one command on one line: a long line can have it everywhere
_FAR = 400  # bytes behind a command
_COMMAND_END = Pattern(rb"[|;\r\n\0]")
# Between an option and its value, in a shell or in a list of Python; then perhaps a quote, and no variable.
_OPTION_SIGN = rb"(?:[ \t=]{0,4}|[\"'],[ \t]{0,2})([\"']?)"
_OPTION_GAP = rb"(?:[ \t=]{1,4}|[\"'],[ \t]{0,2})([\"']?)"
_OPTION_VALUE = rb"(?=[^\s\"'])(?!\$[A-Z_{(])"
_OPTION_USER = rb"[^\s:\"']{1,64}:" + _OPTION_VALUE
_OPTION_LOGIN = rb"[ \t\"']-p" + _OPTION_SIGN + rb"(?!-)" + _OPTION_VALUE
_OPTION_PASSWORD = rb"[ \t\"']-p" + _OPTION_GAP + rb"(?!-)" + _OPTION_VALUE

# A word to look for, what stands behind it if it is the command, and the options up to the password.
_COMMANDS = [
    (needle, Pattern(behind), Pattern(option))
    for needle, behind, option in (
        (b"sshpass", rb"[ \t\"']", rb"(?<=sshpass)[ \t\"',]{1,4}-p" + _OPTION_SIGN + _OPTION_VALUE),
        (b"mysql", rb"(?:dump|admin|import|show|sh)?[ \t\"']", rb"[ \t\"']-p([\"']?)" + _OPTION_VALUE),
        (b"mariadb", rb"(?:-[a-z]{1,8})?[ \t\"']", rb"[ \t\"']-p([\"']?)" + _OPTION_VALUE),
        # Letters of curl's options without a value, then u or U.
        (
            b"curl",
            rb"[ \t\"']",
            rb"[ \t\"'](?:-[0-46aBfgGiIjJklLMnNOpqRsSvVZ#]{0,8}[uU]"
            + _OPTION_SIGN
            + rb"|--(?:proxy-)?user"
            + _OPTION_GAP
            + rb")"
            + _OPTION_USER,
        ),
        *(
            (tool, rb"[ \t][^\r\n|;\0]{0,60}?login[ \t]|[\"'],[ \t]?[\"'][^\r\n|;\0]{0,60}?login[\"']", _OPTION_LOGIN)
            for tool in (
                b"docker",
                b"podman",
                b"nerdctl",
                b"buildah",
                b"skopeo",
                b"helm",
                b"oras",
                b"crane",
                b"apptainer",
                b"oc",
            )
        ),
        (
            b"ldap",
            rb"(?:search|modify|add|delete|whoami|passwd)[ \t\"']",
            rb"[ \t\"']-[xZLvn]{0,4}w" + _OPTION_SIGN + _OPTION_VALUE,
        ),
        (b"redis-cli", rb"[ \t\"']", rb"[ \t\"']-a" + _OPTION_GAP + _OPTION_VALUE),
        (b"mongo", rb"(?:sh|dump|restore|import|export)?[ \t\"']", _OPTION_PASSWORD),
        (b"twine", rb"[ \t\"']", _OPTION_PASSWORD),
        (b"smbclient", rb"[ \t\"']", rb"[ \t\"']-U" + _OPTION_SIGN + rb"[^\s%\"']{1,64}%" + _OPTION_VALUE),
        (b"http ", rb"", rb"(?:(?<=http )|[ \t])-a" + _OPTION_SIGN + _OPTION_USER),
        (b"--creds", rb"", rb"(?<=--creds)" + _OPTION_GAP + _OPTION_USER),
        (
            b"-creds",
            rb"",
            rb"(?<=--src-creds)" + _OPTION_GAP + _OPTION_USER + rb"|(?<=--dest-creds)" + _OPTION_GAP + _OPTION_USER,
        ),
        (b"--proxy-user", rb"", rb"(?<=--proxy-user)" + _OPTION_GAP + _OPTION_USER),
        (b"-pass", rb"(?:in|out)?[ \t=\"']", rb"(?<=-pass)(?:in|out)?" + _OPTION_GAP + rb"pass:" + _OPTION_VALUE),
    )
]
_QUOTED = {b'"': "double", b"'": "single"}

# Names that stand in front of secrets, as _is_secret writes them: in lower case, each part between underscores.
_NEEDLES = (b"pass", b"pw", b"secret", b"token", b"credential", b"key", b"auth", b"cookie")
_SECRET_NAME = Pattern(
    rb"_[a-z0-9]*(?:password|passwd|passphrase|secret|token|(?:api|auth|deploy|hmac|master|signing|ssh)key)_"
    rb"|_(?:(?:apikey|accesskey|secretkey|privatekey|authorization|authz|cookie|credential)s?"
    rb"|(?:passphrase|passwd|passwort|password|secret|token)s|passwort)_"
    rb"|_(?:access|account|admin|aes|api|app|application|auth|aws|azure|bot|client|consumer|decryption|deploy|encryption"
    rb"|github|gitlab|gpg|hmac|jwt|license|master|openai|private|rsa|secret|service|session|shared|signing|ssh|ssl|storage"
    rb"|tls|vault|webhook)_key_"
    rb"|_auths?_\Z|[^_]_(?:pass|pwd?)_\Z|\A_(?:auth|pass|pwd?)_[^_]"
    # dbpass, userpwd, ldappw, davauth; but no filter, no count and no English word.
    rb"|_(?!(?:all|band|by|com|cut|encom|event|evt|fast|first|full|high|low|multi|n|num|one|over|per|second|single|slow|sur"
    rb"|tres|trig|trigger|two|under)pass_|(?:cwd|get|l|last|old|start)pwd_|(?:have|need|no|o|pre|re|un|use|x)auth_)"
    rb"[a-z0-9]+(?:auth|pass|pwd?)_\Z"
)
_HARMLESS_NAME = Pattern(
    rb"_(?:age|alg|algorithm|audience|backend|cache|class|count|counter|criteria|dir|directory|enabled|endpoint|env|error"
    rb"|events|exp|expiration|expires|expiry|fail|failed|fd|file|filename|flow|folder|format|helper|home|host|hostname|ids|(?<!_secret_)id|interval|iss|issuer|length|level"
    rb"|lifetime|limit|location|loc|manager|max|mechanisms?|methods?|min|mode|module|name|number|paths?|plugin|policy|port|prompt|protocol"
    rb"|providers?|rate|ratio|reader|renewal|required|scheme|scopes?|server|service|size|sock|socket|source|status|stdin|store|through|timeleft"
    rb"|timeout|ttl|types?|uri|url|used|user|username|valid|validity|version|amz_credentials?)_\Z"
)
_PASSWORD_NAME = Pattern(rb"(?:pass|passwd|passphrase|passwort|password|pwd?|secret)_")
_NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_CAMEL = Pattern(rb"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = Pattern(rb"[_.\-]+")
_HEADER_NAME = Pattern(rb"(?i)(?:(?:proxy-)?authorization|(?:set-)?cookie)\Z")
_REST_OF_NAME = Pattern(rb"[\w.\-]{0,48}")
_SIGN = Pattern(rb"[\"'\\]{0,16}(?:\][\"']?)?[ \t]{0,400}(?:(=>|:=|==?|:)[ \t]{0,400}|%3[dD])")
_NEXT_ARGUMENT = Pattern(rb"[\"'][ \t]{0,2},[ \t]{0,2}(?=b?[\"'])|[ \t]{1,400}(?![ \t\-])")
_VALUE_OF_PAIR = Pattern(rb"[\"'][vV]alue[\"'][ \t]{0,2}:[ \t]{0,2}(?=[\"'])")
_NEXT_LINE = Pattern(rb"\r?\n(?:" + _HEADER + rb")?[ \t]{0,400}(?=[bBrRuU]?\\*[\"'])")
_ANNOUNCEMENT = Pattern(rb"[\"'][ \t]{0,4}:[ \t]{0,4}\r?\n\Z")
_IN_BRACKET = Pattern(rb"\[(?!redacted\])[^\[\]\"'\s]")  # as Go prints a header's values
_SETENV = Pattern(rb"(?:setenv[ \t]{1,16}|setenv\([ \t]{0,4}[\"']|\bset[ \t]{1,4}-\w{1,4}[ \t]{1,16})\Z")
_BARE_NAME = Pattern(rb"(?i)-*(?:pass|pwd?)\Z")
_LINE_BEGIN = Pattern(
    br"(?:" + _HEADER + br")?[\s>*+|<\-]{0,32}"
    br"((?:export|setenv|declare|typeset|local|readonly|set)[ \t]{1,4}(?:-\w{1,4}[ \t]{1,4})?)?[\"']?", re.I
)  # fmt: skip

# What stands behind such a name and is no secret.
_QUOTE = Pattern(rb"[bBrRuUfF]{0,2}(\\*)([\"'])")
_MAYBE_QUOTE = Pattern(rb"\[?[ \t]{0,4}[bBrRuUfF]{0,2}\\*\Z")
_LIST = Pattern(rb"\[[ \t]{0,4}(?=[bBrRuU]?\\*[\"'])")
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
_KEY_MIXED = Pattern(rb"(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[^0-9]*[0-9]")
_KEY_END = Pattern(rb"-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY")
_KEY_ESCAPED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\"
# A proxy or key in base64 as a whole, and the further lines of a wrapped JWT.
_WRAPPED_PEM = b"LS0tLS1CRUdJTi"  # -----BEGIN
_WRAPPED_KEY = Pattern(rb"UFJJVkFURSBL|BSSVZBVEUg|QUklWQVRFIEtF")
_WRAPPED_WHOLE = Pattern(rb"LS0t(?:LS0t|LS0=|LS0K|LQ==|LQo=|Cg==)?\Z")
_WRAPPED_JWT = Pattern(rb"eyJ(?<![A-Za-z0-9_.\-]eyJ)[A-Za-z0-9_.\-]{37,}(?=\r?\n)")
_BASE64 = Pattern(rb"[A-Za-z0-9+/]*={0,2}")
_FRONT = rb"\r?\n(?:" + _HEADER + rb")?[>|+*# \t]{0,64}"
_FURTHER = Pattern(_FRONT + rb"([A-Za-z0-9+/]{1,4096}={0,2})(?=\r?\n|\Z)")
_FURTHER_OF_JWT = Pattern(_FRONT + rb"([A-Za-z0-9_.\-]{1,4096})(?=\r?\n|\Z)")
_MIXED = Pattern(rb"(?=[^A-Z]*[A-Z])[^a-z]*[a-z]")
_KEY_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@functools.lru_cache(1000)
def _normal(name):
    """A name's parts without their numbers, in lower case, each between underscores: ``_my_token_`` of ``myToken2``."""
    parts = [part.rstrip(b"0123456789") for part in _SEPARATOR.split(_CAMEL.sub(b"_", name).lower())]
    return b"_" + b"_".join(part for part in parts if part) + b"_"


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
        return self._named() + self._formed() + self._in_commands() + self._wrapped()

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

    def _wrapped(self):
        """A proxy or key in base64 as a whole, and the further lines of a wrapped JWT."""
        raw, found = self.raw, []
        at = raw.find(_WRAPPED_PEM)
        while at >= 0:
            first = _BASE64.match(raw, at).span()
            lines = [first, *_further_lines(raw, first[1], _FURTHER)]
            end = lines[-1][1]
            whole = b"".join(raw[start:stop] for start, stop in lines)
            # At the end of a piece it is a proxy until it turns out to be a certificate and no more.
            is_cut = self._is_open(end) or (end + 2 >= len(raw) and not _WRAPPED_WHOLE.search(whole))
            if is_cut or _WRAPPED_KEY.search(whole):
                found += [(start, stop, "token" if self._is_open(stop) else "") for start, stop in lines]
            at = raw.find(_WRAPPED_PEM, end)
        done = 0
        for begun in _WRAPPED_JWT.finditer(raw) if b"eyJ" in raw else ():
            if begun.start() < done:  # as above
                continue
            dots = begun.group().count(b".")
            for number, (start, stop) in enumerate(_further_lines(raw, begun.end(), _FURTHER_OF_JWT)):
                # Behind its last dot a word of the text could follow: a line of a signature has letters of both kinds.
                if dots >= 2 and (not number or not _MIXED.match(raw, start, stop) or b"." in raw[start:stop]):
                    break
                dots += raw.count(b".", start, stop)
                done = stop
                found.append((start, stop, "token" if self._is_open(stop) else ""))
        return found

    def _in_commands(self):
        raw, found = self.raw, []
        for needle, behind, option in _COMMANDS:
            at, line_end, tries = raw.find(needle), 0, 0
            while at >= 0:
                if at >= line_end:
                    line_end = raw.find(b"\n", at)
                    line_end, tries = len(raw) if line_end < 0 else line_end, _TRIES
                start = at + len(needle)
                command = behind.match(raw, start)
                if command:
                    end = _COMMAND_END.search(raw, command.end(), start + _FAR)
                    found += self._options(start, end.start() if end else min(len(raw), start + _FAR), option)
                tries -= 1
                at = raw.find(needle, start if tries else line_end)
        return found

    def _options(self, start, end, option):
        found = []
        match = option.search(self.raw, start, end)
        while match:
            quote = next((group for group in match.groups() if group), b"")
            found.append(self._secret(match.end(), _QUOTED.get(quote, "argument")))
            match = option.search(self.raw, max(found[-1][1], match.end()), end)
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
            return self._bare(begin, sign, behind.end(), name) if _BARE_NAME.match(name) else None
        start, is_option, is_variable = behind.end(), name.startswith(b"-"), name == name.upper()
        if not sign and not is_option:
            if behind.group()[:1] in (b'"', b"'") and not _SETENV.search(self.lower, max(0, begin - 40), begin):
                return self._in_pair(start, name, normal, is_variable)
            if not _SETENV.search(self.lower, max(0, begin - 40), begin):
                return None
            is_option = True
        ending = "argument" if is_option else "word"
        if sign and sign.group(1) == b":":
            if b'"' in sign.group() or b"'" in sign.group():
                next_line = _NEXT_LINE.match(self.raw, start)
                start = next_line.end() if next_line else start
            elif _IN_BRACKET.match(self.raw, start) and (_HEADER_NAME.match(name) or b"-" in name):
                return self._value(start + 1, "list", normal, is_variable)
            ending = self._ending_behind_colon(begin, start, name, b'"' in sign.group() or b"'" in sign.group())
        elif sign and is_variable:
            line = self._line_begin(begin)
            ending = "line" if line and not line.group(1) else "word"
        return self._value(start, ending, normal, is_variable) if ending else None

    def _in_pair(self, start, name, normal, is_variable):
        """``("X-Auth-Token", "x")`` of a header, ``"name": "token", "value": "x"`` of anything."""
        named = _VALUE_OF_PAIR.match(self.raw, start)
        if named:
            return self._value(named.end(), "word", normal, is_variable)
        quote = _QUOTE.match(self.raw, start)
        if not quote or not (_HEADER_NAME.match(name) or b"-" in name):
            return None
        head = self.raw[quote.end() : quote.end() + _SEEN]
        telling = _SCHEME.match(self.raw, quote.end()) or _is_telling(head, self._is_open(quote.end() + len(head)))
        return self._value(start, "word", normal, is_variable) if telling else None

    def _bare(self, begin, sign, start, name):
        """``"pass": "x"``, ``?pass=x``, ``--pass x``, ``PASS=x``; ``3 tests pass``, ``pass=12``, ``PWD=x`` are none.

        Behind the option ``--pwd`` containers have a directory, so there the value must look like more than a word.
        """
        is_option, head = name.startswith(b"-"), self.raw[start : start + _SEEN].partition(b"\n")[0]
        if is_option and name.lower().endswith(b"pwd") and not _is_telling(head, self._is_open(start + len(head))):
            return None
        if sign and not is_option:
            is_colon = sign.group(1) == b":"
            if name == b"PWD" or (is_colon and b'"' not in sign.group() and b"'" not in sign.group()):
                return None
            is_parameter = self.raw[max(0, begin - 1) : begin] in (b"?", b"&")
            telling = is_colon or is_parameter or name in (b"PASS", b"PW") or _QUOTE.match(head)
            if not telling and not _is_telling(head, self._is_open(start + len(head))):
                return None
        elif not is_option:
            return None
        # Of a test report are numbers behind the bare word.
        kind = b"_pass_" if _QUOTE.match(head) else b"_"
        return self._value(start, "argument" if is_option else "word", kind, name == name.upper())

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
        if has_quotes or has_scheme or _QUOTE.match(head) or _LIST.match(head):
            return "word"
        line = head.partition(b"\n")[0].rstrip()
        if (b" " not in line and self._line_begin(begin)) or _is_telling(line, self._is_open(start + len(line))):
            return "word"
        return ""

    def _value(self, start, ending, name, is_variable):
        """The value that begins here, if it is a secret; without its quotes and what stands behind it."""
        if self.raw.startswith(b"[" + MARK + b"]", start):
            return None  # a list that was redacted already
        quote = _QUOTE.match(self.raw, start)
        if quote:
            start = quote.end()
            ending = ("inner " if quote.group(1) else "") + ("double" if quote.group(2) == b'"' else "single")
        elif ending != "line" and _LIST.match(self.raw, start):
            start, ending = _LIST.match(self.raw, start).end(), "list"
        elif self.unfinished and _MAYBE_QUOTE.match(self.raw, start):
            return None
        scheme = _SCHEME.match(self.raw, start)
        start = scheme.end() if scheme else start
        if ending == "list" and self.raw.startswith(MARK, start):
            return None
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
        text = _Colourless(known + data)
        piece = _Piece(text.plain)
        secrets = self._keys(piece) + self._keys_without_begin(text.plain) + piece.secrets()
        places = [(text.original(start), text.end(end), ending) for start, end, ending in secrets]
        sent = _without(known + data, len(known), places)
        self._context, self._inside, self._backslash = b"", "", b""
        if piece.unfinished or not data.endswith(b"\n"):
            self._context = _context(known + sent)
            going_on = [secret for secret in secrets if secret[2]]
            if going_on:
                start, end, self._inside = min(going_on, key=lambda secret: secret[0])
                self._backslash = _last_backslash(piece.raw[start:end], self._inside)
        elif not self._key_lines and _announces(piece.raw):
            self._context = _context(piece.raw)
        return sent.decode("utf-8", "surrogatepass")

    def _behind_secret(self, data):
        """What stands behind the secret that the last piece ended in."""
        data = self._backslash + data
        text = _Colourless(data)
        end = _ENDINGS[self._inside].match(text.plain).end()
        end = len(data) if end == len(text.plain) else text.end(end)
        self._backslash = _last_backslash(data, self._inside) if end == len(data) else b""
        return data[end:]

    def _keys_without_begin(self, raw):
        """Lines in front of ``-----END ... PRIVATE KEY`` that can only be of it; those of a whole key too."""
        found, line_end = [], -1
        for key_end in _KEY_END.finditer(raw) if b"-----END " in raw else ():
            if key_end.start() < line_end:  # of several on one line the first counts
                continue
            line_end = raw.find(b"\n", key_end.end())
            line_end = len(raw) if line_end < 0 else line_end
            end = raw.rfind(b"\n", 0, key_end.start()) + 1
            front = raw[end : key_end.start()]
            body = len(front) - len(front.rstrip(_KEY_ESCAPED))
            if body >= 24 and b"-----" not in front:
                found.append((key_end.start() - body, key_end.start(), ""))
            for number in range(_KEY_LINES):
                begin = raw.rfind(b"\n", 0, max(0, end - 1)) + 1
                line = raw[begin:end].rstrip()
                length = _length_of_key(line, 4)
                # The last line of a key may be a short one.
                if not length or b"-----" in line or not (_is_plainly_of_key(line[-length:]) or not number):
                    break
                found.append((begin + len(line) - length, begin + len(line), ""))
                end = begin
        return found

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
            elif key_end >= 0:
                secret = None
            elif self._key_lines > _LOOSE:
                secret = _key_line_behind_a_foreign_one(raw, place, end, is_last)
            else:
                secret = _key_line(raw, place, end, is_last)
            if secret and secret[0] < secret[1]:
                found.append(secret)
            if key_end >= 0:
                self._key_lines, place = 0, key_end + len(b"-----END")
                continue
            is_foreign = not begin and not secret
            if is_foreign and b"-----BEGIN " in raw[place:end]:
                self._key_lines = 0  # it is looked at again, for it may begin another key
                continue
            if is_last:
                break  # it counts when it is finished
            left = _KEY_LINES if begin else self._key_lines % _LOOSE - 1
            self._key_lines = left + _LOOSE if is_foreign and left else left
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
    length = _length_of_key(line, 7 if is_last else 24)
    if length:
        return start + len(line) - length, start + len(line), ""
    return (start, start, "") if is_last else None


def _key_line_behind_a_foreign_one(raw, start, end, is_last):
    """As :func:`_key_line`; of a key are long lines, and the one in front of ``-----END``."""
    line = raw[start:end].rstrip()
    length = _length_of_key(line, 7 if is_last else 4)
    word = line[len(line) - length :]
    secret = start + len(line) - length, start + len(line), ""
    if is_last:
        return secret if b"-----BEGIN " not in line else None
    if word.startswith(MARK) or _is_plainly_of_key(word):
        return secret
    is_before_end = b"-----END" in raw[end : raw.find(b"\n", end + 1)]
    front = _KEY_FRONT.match(line).end()
    return secret if length and is_before_end and front == len(line) - length else None


def _is_plainly_of_key(word):
    """Whether these letters of base64 are no word and no path: many, and of every kind."""
    return len(word) >= 40 and _KEY_MIXED.match(word) is not None and word.count(b"/") * 8 <= len(word)


def _length_of_key(line, least):
    """How much of the end of a line may belong to a key; 0 for what is a word."""
    word = (line.rsplit(None, 1) or [b""])[-1]
    if MARK in word:
        return len(word) - word.find(MARK)
    letters = word.rstrip(b"=")
    length = len(letters) - len(letters.rstrip(_KEY_LETTERS))
    fill = len(word) - len(letters)
    return length + fill if length >= least and fill <= 2 else 0


def _last_backslash(text, ending):
    odd = (len(text) - len(text.rstrip(b"\\"))) % 2
    return b"\\" if odd and ending in ("double", "single") else b""


def _further_lines(raw, end, further_line):
    """The lines behind this one that have nothing but such letters; the last of them may be shorter than the rest."""
    found, width = [], 0
    while len(found) < 400:
        further = further_line.match(raw, end)
        length = len(further.group(1)) if further else 0
        if not length or (not width and length < 20) or (width and length > width):
            break
        found.append(further.span(1))
        if width and length < width:
            break
        width, end = length, further.end(1)
    return found


def _announces(text):
    """Whether the last line, a finished one, ends in a quoted name and its sign: the value stands on the next one."""
    return text[-8:].rstrip().endswith(b":") and _ANNOUNCEMENT.search(text[-_CONTEXT:]) is not None


def _context(sent):
    """What is remembered of the unfinished last line; also of the one before it if that announces a value on it."""
    begin = max(sent.rfind(b"\n"), sent.rfind(b"\0")) + 1
    if _announces(sent[max(0, begin - _CONTEXT) : begin]):
        begin = max(sent.rfind(b"\n", 0, begin - 1), sent.rfind(b"\0", 0, begin - 1)) + 1
    line = re.sub(rb"[ \t]{5,}", b"    ", _ESCAPE.sub(b"", sent[max(begin, len(sent) - 2000) :]))
    if len(line) > _CONTEXT or len(sent) - begin > 2000:
        line = b"~~~" + line[max(0, len(line) + 3 - _CONTEXT) :]
    return re.sub(rb"[^\t\r\n\x1b -~]", b"~", line)


class _Colourless:
    """A text without its escape sequences (``plain``), and where each of its bytes was."""

    def __init__(self, raw):
        pieces, self._places, self._shifts, done, length = [], [0], [0], 0, 0
        sequences = [found.span() for found in _ESCAPE.finditer(raw)] if b"\x1b" in raw else []
        cut = _UNFINISHED_ESCAPE.search(raw, max(sequences[-1][1] if sequences else 0, len(raw) - 260))
        for start, end in sequences + ([cut.span()] if cut else []):
            pieces.append(raw[done:start])
            length += start - done
            done = end
            self._places.append(length)
            self._shifts.append(end - length)
        pieces.append(raw[done:])
        self.plain = b"".join(pieces)

    def original(self, place):
        return place + self._shifts[bisect.bisect_right(self._places, place) - 1]

    def end(self, place):
        """Where a piece of the plain text ends in the original one; what colours the text behind it stays."""
        return self.original(place - 1) + 1 if place else 0


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
