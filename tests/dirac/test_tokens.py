# SPDX-License-Identifier: GPL-3.0-only
"""Bearer tokens of a real issuer, over real TLS: good ones get what their group may, all others a 401."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import http.client
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.client import REJECTED, Answer, Client, form
from harness.issuer import KEYS, Issuer, KeyPair, encoded
from harness.sender import batch
from harness.stacks import RunningStack, dumped, running

from PilotLoggingDIRAC.https.tokens import verify

SUBJECTS = {name: f"{name}-of-the-issuer" for name in ("alpha_pilot", "alpha_user", "beta_user")}
SCOPES = {name: f"wlcg.groups:/{name.replace('_', '/')}" for name in SUBJECTS}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def stack(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    directory = tmp_path_factory.mktemp("tokens")
    provider = {
        "ProviderType": "OAuth2",
        "issuer": issuer.url,
        "client_id": "dirac",
        "verify": directory / "pki" / "certificates",
    }
    options = [f"/Resources/IdProviders/Ours/{name}={value}" for name, value in provider.items()]
    for name, subject in SUBJECTS.items():
        options.append(f"/Registry/Users/{name}/DN=/O=PilotLogging stack/CN={name}, /O=DIRAC/CN={subject}")
        options.append(f"/Registry/Groups/{name}/IdPRole={SCOPES[name]}")
    with running(directory, *itertools.chain.from_iterable(("--option", option) for option in options)) as stack:
        issuer.serve(stack.layout.host_certificate, stack.layout.host_key)
        yield stack


class Bearer:
    """A caller without a certificate, with whatever stands in its Authorization header."""

    def __init__(self, client: Client, authorization: str) -> None:
        self.client = client
        self.authorization = authorization

    def __call__(self, method: str, *arguments: object, extra: object = None) -> Answer:
        return self.client.post(form(method, *arguments, extra=extra), {"Authorization": self.authorization})


@pytest.fixture
def bearer(stack: RunningStack) -> Callable[[str], Bearer]:
    return lambda token: Bearer(stack.client(None), f"Bearer {token}")


@pytest.fixture
def of(bearer: Callable[[str], Bearer], issuer: Issuer) -> Callable[[str], Bearer]:
    """Whoever has a good token of their own."""
    return lambda name: bearer(issuer.token(SUBJECTS[name], SCOPES[name]))


def test_a_pilot_writes_and_its_community_reads(of: Callable[[str], Bearer], stamp: str) -> None:
    pilot = of("alpha_pilot")
    assert pilot("whoami").value["username"] == "alpha_pilot"
    assert pilot("appendLog", batch(stamp, 1, "with a token\n"))["OK"]
    assert pilot("sendMessage", dumped("and stock\n"), stamp, "beta")["OK"]
    assert pilot("finaliseLogs", dumped({"retCode": "0"}), stamp, "alpha")["OK"]
    assert of("alpha_user")("readLog", stamp).value["text"] == "with a token\nand stock\n"
    assert of("beta_user")("readLog", stamp, "alpha").refusal[0] == REJECTED
    assert pilot("appendLog", batch(stamp, 2, "x\n", vo="beta")).refusal[0] == REJECTED


def test_a_token_is_no_more_than_its_group(of: Callable[[str], Bearer], stamp: str) -> None:
    for method, arguments in {"appendLog": [batch(stamp, 1, "x")], "getStatistics": []}.items():
        assert of("alpha_user")(method, *arguments).status == http.client.UNAUTHORIZED


def test_a_token_does_not_choose_a_group_or_another_user(of: Callable[[str], Bearer], stamp: str) -> None:
    """extraCredentials are for certificates: DIRAC does not read them beside a token either."""
    for extra in ("hosts", "alpha_pilot", ["/O=PilotLogging stack/CN=alpha_pilot", "alpha_pilot"]):
        answer = of("alpha_user")("appendLog", batch(stamp, 1, "x"), extra=extra)
        assert answer.status == http.client.UNAUTHORIZED
        assert of("alpha_user")("whoami", extra=extra).value["username"] == "alpha_user"


def test_a_connection_is_good_for_several_tokens(stack: RunningStack, issuer: Issuer) -> None:
    """Each request shows its own: what the one before it had is nothing to it."""
    client = stack.client(None)
    for name in ("alpha_pilot", "beta_user", "alpha_pilot"):
        caller = Bearer(client, f"Bearer {issuer.token(SUBJECTS[name], SCOPES[name])}")
        assert caller("whoami").value["username"] == name
    assert client("whoami").status == http.client.UNAUTHORIZED


def test_a_certificate_goes_before_a_token(stack: RunningStack, issuer: Issuer) -> None:
    both = Bearer(stack.client("beta_user"), f"Bearer {issuer.token(SUBJECTS['alpha_pilot'], SCOPES['alpha_pilot'])}")
    assert both("whoami").value["username"] == "beta_user"


Good = dict[str, Any]
_other_key = functools.cache(KeyPair)


def _unsigned(claims: Good, **header: str) -> str:
    return (
        ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "none", "typ": "JWT"} | header, claims)) + "."
    )


def _hmac_with_the_public_key(issuer: Issuer, claims: Good) -> str:
    """The old trick: what verifies RS256 is public, and as an HMAC's key it signs as well."""
    text = _unsigned(claims, alg="HS256", kid=issuer.key.id).rstrip(".")
    return f"{text}.{encoded(hmac.new(issuer.key.public_pem, text.encode(), hashlib.sha256).digest())}"


def _altered(token: str) -> str:
    head, claims, signature = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(claims + "=="))
    content["sub"] = SUBJECTS["beta_user"]
    return f"{head}.{encoded(json.dumps(content).encode())}.{signature}"


BAD: dict[str, Callable[[Issuer, Good], str]] = {
    "expired": lambda issuer, good: issuer.signed(good | {"exp": int(time.time()) - 120}),
    "expired long ago": lambda issuer, good: issuer.signed(good | {"exp": 1}),
    "not valid yet": lambda issuer, good: issuer.signed(good | {"nbf": int(time.time()) + 3600}),
    "without an end": lambda issuer, good: issuer.signed({name: good[name] for name in good if name != "exp"}),
    "an end that is no number": lambda issuer, good: issuer.signed(good | {"exp": "tomorrow"}),
    "without a subject": lambda issuer, good: issuer.signed({name: good[name] for name in good if name != "sub"}),
    "a subject that is a list": lambda issuer, good: issuer.signed(good | {"sub": ["x"]}),
    "without an issuer": lambda issuer, good: issuer.signed({name: good[name] for name in good if name != "iss"}),
    "an issuer that is a list": lambda issuer, good: issuer.signed(good | {"iss": ["x"]}),
    "another issuer": lambda issuer, good: issuer.signed(good | {"iss": "https://elsewhere.example"}),
    "an issuer of an internal address": lambda issuer, good: issuer.signed(good | {"iss": "https://localhost:1"}),
    "signed with another key": lambda issuer, good: issuer.signed(good, _other_key()),
    "another key under its own id": lambda issuer, good: issuer.signed(good, _other_key(), kid=_other_key().id),
    "another key under no id": lambda issuer, good: issuer.signed(good, _other_key(), kid=""),
    "a key that it brings along": lambda issuer, good: issuer.signed(
        good, _other_key(), jwk=_other_key().public, jku="https://localhost:1/jwks"
    ),
    "not signed": lambda issuer, good: _unsigned(good),
    "not signed, and says RS256": lambda issuer, good: _unsigned(good, alg="RS256", kid=issuer.key.id),
    "signed with the public key as a password": _hmac_with_the_public_key,
    "altered": lambda issuer, good: _altered(issuer.signed(good)),
    "cut off": lambda issuer, good: issuer.signed(good)[:-20],
    "somebody who is not in the Registry": lambda issuer, good: issuer.signed(good | {"sub": "nobody-knows-me"}),
    "claims that are a list": lambda issuer, good: issuer.signed(["x"]),
    "garbage": lambda issuer, good: "garbage",
    "three dots": lambda issuer, good: "...",
    "dots and letters": lambda issuer, good: "a.b.c",
    "too long": lambda issuer, good: issuer.signed(good | {"much": "x" * 14_000}),
    "no header of a token": lambda issuer, good: "e30.e30.",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_a_good_token_is_refused(
    bearer: Callable[[str], Bearer], stack: RunningStack, issuer: Issuer, stamp: str, name: str
) -> None:
    bad = BAD[name](issuer, issuer.claims(SUBJECTS["alpha_pilot"], SCOPES["alpha_pilot"]))
    answer = bearer(bad)("appendLog", batch(stamp, 1, "x"))
    assert answer.status == http.client.UNAUTHORIZED
    assert len(answer["Text"]) < 200
    assert "Traceback" not in stack.log_of("collector-0")


@pytest.mark.parametrize("scope", ["openid", f"{SCOPES['alpha_pilot']}s", SCOPES["beta_user"]])
def test_a_scope_of_no_group_of_the_user_lets_nobody_write(
    bearer: Callable[[str], Bearer], issuer: Issuer, stamp: str, scope: str
) -> None:
    answer = bearer(issuer.token(SUBJECTS["alpha_user"], scope))("appendLog", batch(stamp, 1, "x"))
    assert answer.status == http.client.UNAUTHORIZED


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic eDp5", "Negotiate x", "bearer a b"])
def test_other_headers_are_refused(stack: RunningStack, authorization: str) -> None:
    assert Bearer(stack.client(None), authorization)("ping").status == http.client.UNAUTHORIZED


def test_a_header_with_a_nul_is_no_header(stack: RunningStack) -> None:
    assert Bearer(stack.client(None), "Bearer \x00")("ping").status == http.client.BAD_REQUEST


def test_a_header_beyond_all_measure_is_hung_up_on(stack: RunningStack) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        Bearer(stack.client(None), f"Bearer {'x' * 50_000}")("ping")


def test_a_token_is_good_until_it_expires_and_no_longer(
    bearer: Callable[[str], Bearer], issuer: Issuer, stamp: str
) -> None:
    """What DIRAC decided about it is remembered for some seconds; its end is looked at each time."""
    for seconds in (5, 20, 60):  # a busy machine needs a longer one
        end = int(time.time()) + seconds
        pilot = bearer(issuer.token(SUBJECTS["alpha_pilot"], SCOPES["alpha_pilot"], exp=end))
        answer = pilot("appendLog", batch(stamp, 1, "x\n"))
        if time.time() < end - 1:
            break
    assert answer["OK"]
    time.sleep(max(0.0, end + 0.5 - time.time()))
    assert pilot("appendLog", batch(stamp, 2, "y\n")).status == http.client.UNAUTHORIZED


def test_strangers_do_not_make_the_collector_ask_for_keys(
    of: Callable[[str], Bearer], bearer: Callable[[str], Bearer], issuer: Issuer
) -> None:
    assert of("alpha_pilot")("ping")["OK"]
    asked = issuer.asked.count(KEYS)
    for _ in range(5):
        forged = issuer.signed(issuer.claims(uuid.uuid4().hex, "x"), _other_key(), kid=_other_key().id)
        assert bearer(forged)("ping").status == http.client.UNAUTHORIZED
    assert issuer.asked.count(KEYS) == asked == 1


class _Provider:
    """As DIRAC's: knows some keys, and can fetch those of today."""

    def __init__(self, fetched: float) -> None:
        self.keys = "yesterday's"
        self.jwks_fetch_last = fetched

    def fetchJWKs(self) -> None:
        self.keys = "today's"


class _Service:
    """The two things that are asked of a DIRAC handler."""

    def __init__(self, issuer: str, provider: _Provider) -> None:
        self._idp = {issuer: provider}
        self._provider = provider

    def _authzJWT(self, _token: str) -> dict[str, Any]:
        if self._provider.keys != "today's":
            raise ValueError("unknown kid")
        return {"OK": True, "Value": {"DN": "/O=DIRAC/CN=x"}}


def test_new_keys_of_an_issuer_are_taken_up_within_minutes(issuer: Issuer) -> None:
    """DIRAC alone refuses tokens with them for a day."""
    token = issuer.token("x", "y")
    assert verify(_Service(issuer.url, _Provider(time.time() - 301)), token)["DN"] == "/O=DIRAC/CN=x"
    with pytest.raises(ValueError, match="issuer's keys"):
        verify(_Service(issuer.url, _Provider(time.time() - 200)), token)
