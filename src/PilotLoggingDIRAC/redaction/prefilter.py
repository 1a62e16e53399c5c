# SPDX-License-Identifier: GPL-3.0-only
"""One pass over a message that says whether the real search is worth its time. Most messages have nothing.

It runs on RE2, which looks for all of the words at once; without RE2 every message is searched.
"""

from __future__ import annotations

import re
from typing import Any

# Every secret that is found has one of these; what has one of these is seldom a secret.
_NAMES = rb"""
    secret | token | credential | cookie | pwd?(?:[^a-z]|$) | pass(?:[^a-z]|w|ph|$) | auth(?:[^a-z]|s|oriz|z|$)
    | (?:access|account|admin|aes|api|app|application|auth|aws|azure|bot|client|consumer|decryption|deploy|encryption
        |github|gitlab|gpg|hmac|jwt|license|master|openai|private|rsa|secret|service|session|shared|signing|ssh|ssl|storage
        |tls|vault|webhook)[_.\-0-9]*key
"""
_TOKENS = rb"""
    bearer | sig= | signature= | ://[^\s/:@\[\]\"'<>?\#]*:(?:[^\s/]*[^\s/0-9]|[0-9]{6})
    | eyj(?:hb|0e|ra|lb|jd|q[ad]|4n|6a|2z) | \.eyj | mda[w-z0-5][a-z0-9]{2}x | akia | asia | ls0tls1crudjti
"""
_SERVICES = rb"""
    ://[a-z0-9_\-]{20,}[@:] | ://[a-z0-9_]{7}[a-z0-9_\-]*:?$
    | gh[opusr]_ | github_pat_ | gl[a-z]{1,6}- | xox[a-z]- | xapp- | hv[bsr]\. | ya29\. | dckr_ | gocspx-
    | pypi-a | (?:^|[^a-z0-9_\-])(?:hf_|npm_|aiza|sk-)[a-z0-9]
"""
_COMMANDS = rb"""
    (?:sshpass|mysql[a-z]*|mariadb[a-z\-]*|redis-cli|mongo[a-z]*|twine|smbclient|ldap[a-z]*)[\ \t\"']
    | curl[\ \t\"'](?:[^\n]*[\ \t\"'])?-(?:[a-z0-9\#]*u|-user) | https?\ [^\n]*-a | -creds[\ \t=\"'] | proxy-user
    | (?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|apptainer|oc)[\ \t\"'][^\n]*login[\ \t\"']
    | -pass(?:in|out)?[\ \t=\"']
"""
_KEYS = rb"-----(?:begin|end)\ [a-z0-9\ ]*private"
_BLANKS = re.compile(rb"(?<!\\)[ \n]")


def _compiled(*words: bytes) -> Any:
    try:
        import re2
    except ImportError:
        return None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(b"(?i)" + _BLANKS.sub(b"", b"|".join(words)), options)  # RE2 has no verbose form


class QuickLook:
    """Tells messages that have no secret of a known kind from those that may have one."""

    def __init__(self) -> None:
        # A terminal's colours may hide any of them.
        self._all = _compiled(rb"\x1b", _NAMES, _TOKENS, _SERVICES, _COMMANDS, _KEYS)
        self._tokens = _compiled(_TOKENS)
        self._services = _compiled(_SERVICES)
        self._commands = _compiled(_COMMANDS)

    def may_have_secret(self, raw: bytes) -> bool:
        """False only if there is none, and none begins at the end."""
        return self._all is None or self._all.search(raw) is not None

    def may_have_token(self, raw: bytes) -> bool:
        """False only if there is none that :mod:`.tokens` would find."""
        return self._tokens is None or self._tokens.search(raw) is not None

    def may_have_service(self, raw: bytes) -> bool:
        """False only if there is none that :mod:`.services` would find."""
        return self._services is None or self._services.search(raw) is not None

    def may_have_command(self, raw: bytes) -> bool:
        """False only if there is none that :mod:`.commands` would find."""
        return self._commands is None or self._commands.search(raw) is not None
