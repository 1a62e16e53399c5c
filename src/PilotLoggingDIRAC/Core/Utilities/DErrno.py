# SPDX-License-Identifier: GPL-3.0-only
"""Our error numbers, where DIRAC looks for those of an extension (see :mod:`DIRAC.Core.Utilities.DErrno`)."""

EPLREJECTED = 3401
EPLUNAVAILABLE = 3402
EPLNOTFOUND = 3403

extra_dErrName = {"EPLREJECTED": EPLREJECTED, "EPLUNAVAILABLE": EPLUNAVAILABLE, "EPLNOTFOUND": EPLNOTFOUND}
extra_dErrorCode = {number: name for name, number in extra_dErrName.items()}
extra_dStrError = {
    EPLREJECTED: "Rejected: the same request will never succeed",
    EPLUNAVAILABLE: "Unavailable: try again later",
    EPLNOTFOUND: "There is no such pilot log",
}
