# SPDX-License-Identifier: GPL-3.0-only
"""What all rooms that know DIRAC share.

:mod:`.results` translates between exceptions and S_OK/S_ERROR, :mod:`.cs` reads the Configuration Service, :mod:`.vos`
remembers what it says of each VO, :mod:`.verified_chain` says whose a certificate
chain is (:mod:`.proxy_policy` which proxies are taken, :mod:`.chain_credentials` what DIRAC reads of it),
:mod:`.callers` says who is calling and what they may, :mod:`.database` opens
PilotLogDB where the CS says it is, :mod:`.stdout` keeps standard output for the result,
:mod:`.pilot_output` keeps DIRAC's own way to the output of pilots within VOs.
"""
