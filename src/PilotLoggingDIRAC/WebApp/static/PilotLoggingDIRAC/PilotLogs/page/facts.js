// SPDX-License-Identifier: GPL-3.0-only
// What is said of pilots and shown here: those of FACTS in PilotLoggingDIRAC/model.py that are on the page. A test compares the two.

/** column: in a row of the list. word: in the page's address and in what the portal is asked. one: for the filter's help. */
export const FACTS = [
  { column: "Site", word: "site", head: "Site", one: "A site" },
  { column: "CE", word: "ce", head: "CE", one: "A CE" },
  { column: "Host", word: "host", head: "Host", one: "A worker node" },
];
