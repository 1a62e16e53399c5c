# SPDX-License-Identifier: GPL-3.0-only
"""Who exists on a stack: users of two communities, an operator, an administrator, and somebody nobody knows."""

from dataclasses import dataclass

ORGANISATION = "PilotLogging stack"
VOS = ("alpha", "beta")
HOST = "localhost"
HOST_PROPERTIES = (
    "TrustedHost",
    "JobAdministrator",
    "FullDelegation",
    "ProxyManagement",
    "Operator",
    "CSAdministrator",
)


def subject(common_name: str) -> str:
    """The DN as DIRAC and xrootd write it."""
    return f"/O={ORGANISATION}/CN={common_name}"


@dataclass(frozen=True)
class User:
    """A person or robot, in a DIRAC group of the same name unless another is named.

    Attributes:
        vo: the community of the group; an operator's group has none
    """

    name: str
    properties: tuple[str, ...]
    vo: str | None = None
    group_name: str | None = None

    @property
    def group(self) -> str:
        return self.group_name or self.name

    @property
    def dn(self) -> str:
        return subject(self.name)


USERS = (
    User("alpha_pilot", ("GenericPilot", "LimitedDelegation"), "alpha"),
    User("alpha_user", ("NormalUser",), "alpha"),
    User("alpha_admin", ("NormalUser", "CSAdministrator"), "alpha"),
    User("beta_pilot", ("Pilot",), "beta"),
    User("beta_user", ("NormalUser",), "beta"),
    User("operator", ("Operator", "NormalUser")),
    User(
        "admin",
        (
            "ServiceAdministrator",
            "CSAdministrator",
            "JobAdministrator",
            "FullDelegation",
            "ProxyManagement",
            "Operator",
            "FileCatalogManagement",
            "SiteManager",
            "NormalUser",
        ),
        group_name="dirac_admin",
    ),
)

PILOT = USERS[0]
STRANGER = "stranger"
"""Has a certificate of the CA, and is in no Registry."""
