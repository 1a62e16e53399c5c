# SPDX-License-Identifier: GPL-3.0-only
"""What is shown where the page cannot be: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from . import responses
from .access import Reader

_IMPORT = (
    "Import your grid certificate (the .p12 file) into this browser, close all its windows, come back, and choose the "
    "certificate when the browser asks for one."
)
_MOST_NAMED = 3
_ASK_ADMINISTRATOR = "Ask your VO's administrator"


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a request came to the portal.

    Attributes:
        is_encrypted: By https.
        refused: Why the web server before the portal did not accept the certificate, in its words; empty if it did.
        logged_out: The portal's own cookie says that certificates are not to be looked at.
        session_ended: Its session is over.
    """

    is_encrypted: bool
    refused: str = ""
    logged_out: bool = False
    session_ended: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A page for a person."""

    title: str
    sentences: Sequence[str]
    advice: Sequence[str] = ()


def no_page() -> Refusal:
    """An address that is none of ours."""
    return Refusal(
        "There is no such page",
        ["The address is wrong, or only a part of it was copied."],
        ["Open the list of logs, and look for the pilot there."],
    )


def failed(status: int) -> Refusal:
    """Whatever else went wrong."""
    return Refusal(
        "This did not work",
        [responses.sentence_of(status)],
        ["Try it again in a minute. If it stays so, tell the portal's administrators the time and this address."],
    )


def one_of(vos: Collection[str]) -> str:
    """Some VOs in words, of which one will do; not all where they are many."""
    names = sorted(vos)
    if len(names) > _MOST_NAMED:
        names[_MOST_NAMED:] = ["another one"]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def not_shown(who: Reader, group: str, vos: Collection[str], arrival: Arrival) -> Refusal:
    """Why the page is not shown to somebody.

    Args:
        group: The one that the address names, or that the portal has chosen; empty for none.
        vos: Those whose logs are wanted; none for those of the reader's own.
    """
    if not who.dn and not who.name:
        return _unknown_peer(arrival)
    if not who.name:
        return Refusal(
            "Nobody is registered with your certificate",
            ["The certificate is valid, but no user of this installation has its DN."],
            [
                f"{_ASK_ADMINISTRATOR} to register this DN, or to add it to your user if the certificate is new.",
                "If another certificate of yours is registered: close all windows of the browser, come back, and "
                "choose that one.",
            ],
        )
    vo = one_of(vos)
    whose = f"the logs of VO {vo}" if vo else "logs"
    others = [each for each in who.groups if each.shows]
    chosen = who.group(group)
    if group and chosen is None:
        title = "You are not in that group"
        sentences = [f"The address names the group {group}, and you are not a member of it."]
    elif others:
        title, sentences = f"This group may not read {whose}", []
    else:
        title, sentences = f"You may not read {whose}", [f"None of your groups may read {whose}."]
    if others:
        return Refusal(
            title,
            sentences,
            ["Open the page in one of your groups that may: the links in the table lead to the same place."],
        )
    if group and chosen is None:
        sentences.append(f"None of your own groups may read {whose}.")
    advice = [
        f"Ask the administrators of VO {vo} to add you to one of its groups."
        if vo
        else f"{_ASK_ADMINISTRATOR} to add you to a group of the VO."
    ]
    if any(each.reads and not each.opens for each in who.groups):
        advice.append(
            "A group of yours may read these logs, but not open this page: the portal's administrators can allow it "
            "(/WebApp/Access/PilotLogs/page)."
        )
    return Refusal(title, sentences, advice)


def _unknown_peer(arrival: Arrival) -> Refusal:
    if not arrival.is_encrypted:
        return Refusal(
            "The portal does not know who you are",
            ["You came by http, where nobody shows a certificate."],
            ["Use the same address with https."],
        )
    if arrival.refused:
        has_expired = "expired" in arrival.refused
        said = "has expired" if has_expired else f"was not accepted: {arrival.refused}"
        return Refusal(
            "Your certificate has expired" if has_expired else "Your certificate was not accepted",
            [f"The certificate that your browser showed {said}."],
            ["Get a new certificate from your certificate authority, or choose another one that you have.", _IMPORT],
        )
    if arrival.session_ended:
        return Refusal(
            "Your session has ended",
            ["You were logged in to the portal, and are no longer."],
            ["Log in at the portal, then open this address again."],
        )
    sentences = ["Your browser showed no certificate, and you are not logged in to the portal."]
    advice = [_IMPORT, "If your certificate has expired, the browser does not offer it: get a new one first."]
    if arrival.logged_out:
        sentences = ["You have logged out of the portal, or visit it without a certificate."]
        advice.insert(0, "At the portal choose Log in, Certificate, then open this address again.")
    else:
        advice.append("Where the portal offers other ways to log in: log in there, then open this address again.")
    return Refusal("The portal does not know who you are", sentences, advice)
