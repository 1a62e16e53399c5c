# SPDX-License-Identifier: GPL-3.0-only
"""Secrets that their own form gives away: JWTs, bearer tokens, macaroons, passwords in URLs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from . import values
from .spans import ENDINGS, Span, Text, beginning_at, span

# The first field of a JWT's header, as 7 characters of base64: what begins so is taken for a token at once.
_JWT_FIELDS = ("alg", "typ", "kid", "enc", "cty", "jku", "jwk", "x5c", "x5t", "x5u", "zip", "ver")
_JWT = re.compile(b"|".join(base64.b64encode(f'{{"{field}"'.encode())[:7] for field in _JWT_FIELDS))
_JWT_PART = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_JWT_HEADER = 4096
_JWT_SHORTEST_PART = 10
_BEARER = re.compile(rb"bearer(?:[ \t]{1,4}|%20|\+)")
# 00..location in base64, for any length of that first packet.
_MACAROON = re.compile(rb"MDA[w-z0-5][A-Za-z0-9]{2}xvY2F0aW9u|MDA[w-z0-5][A-Za-z0-9]{2}x(?:v[A-Za-z0-9]{0,8})?\Z")
_URL_USER = re.compile(rb"://[^\s/:@\[\]\"'<>?#]{0,128}+:")
_URL_PASSWORD = re.compile(rb"[^\s/?#\"'<>\0]{1,512}+")
_PORT = re.compile(rb"[0-9]{1,5}+\Z")
_SIGNATURE = re.compile(rb"(?:[?&]|%26|%3f)(?:x-amz-|x-goog-)?sig(?:nature)?=")
_SIGNATURE_NEEDLES = (b"sig=", b"signature=")
# The id stays; the secret behind it goes. In a signed URL a date follows.
_AMAZON = re.compile(
    rb"A[KS]IA[0-9A-Z]{16}[ \t:,;=/\"'|]{1,4}(?![0-9]{1,8}(?:/|\Z))"
    rb"(?=[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])|[A-Za-z0-9/+]{7,40}\Z)"
)


def find(text: Text) -> Iterator[Span]:
    """Secrets of a known form. Not in order; some may overlap."""
    if b"eyJ" in text.raw:
        yield from _jwts(text)
    if b"bearer" in text.lower:
        yield from _bearers(text)
    if b"MDA" in text.raw:
        yield from beginning_at(text, (found.start() for found in _MACAROON.finditer(text.raw)), "token")
    if b"://" in text.raw and (text.unfinished or b"@" in text.raw):
        yield from _passwords_in_urls(text)
    if b"AKIA" in text.raw or b"ASIA" in text.raw:
        yield from beginning_at(text, (found.end() for found in _AMAZON.finditer(text.raw)), "token")
    if any(needle in text.lower for needle in _SIGNATURE_NEEDLES):
        yield from beginning_at(text, (found.end() for found in _SIGNATURE.finditer(text.lower)), "word")


def _jwts(text: Text) -> Iterator[Span]:
    yield from beginning_at(text, (found.start() for found in _JWT.finditer(text.raw)), "token")
    at = text.raw.find(b".eyJ")
    while at >= 0:
        header = text.raw[max(0, at - _JWT_HEADER) : at]
        length = len(header) - len(header.rstrip(_JWT_PART))
        rest = span(text, at + 1, "token")
        if length >= _JWT_SHORTEST_PART and (rest.ending or rest.end - at > _JWT_SHORTEST_PART):
            yield Span(at - length, rest.end, rest.ending)
        at = text.raw.find(b".eyJ", rest.end)


def _bearers(text: Text) -> Iterator[Span]:
    yield from beginning_at(
        text, (found.end() for found in _BEARER.finditer(text.lower) if _is_bearer(text, found.end())), "token"
    )


def _is_bearer(text: Text, start: int) -> bool:
    head = ENDINGS["token"].match(text.raw, start, start + values.SEEN)
    assert head
    return values.is_telling(head[0], text.is_open(head.end())) or len(head[0]) >= 20


def _passwords_in_urls(text: Text) -> Iterator[Span]:
    at = text.raw.find(b"://")
    while at >= 0:
        user = _URL_USER.match(text.raw, at)
        password = _URL_PASSWORD.match(text.raw, user.end()) if user else None
        if password:
            length = password[0].rfind(b"@")
            if length > 0:
                yield Span(password.start(), password.start() + length)
            elif length < 0 and text.is_open(password.end()) and not _PORT.match(password[0]):
                yield Span(password.start(), password.end(), "userinfo")
        at = text.raw.find(b"://", at + 3)
