// SPDX-License-Identifier: GPL-3.0-only
// What the collector gives at most, as the portal hands it over in the page: no number of its own.

/**
 * A limit by its name: mostFound (numbers of lines in one answer), longestLine and longestLike (of a line that is read, in
 * bytes, and one whose like is wanted, in characters), deepestSort (the last row that a list begins with, unless it is
 * sorted by one of quickSorts).
 */
export function limitOf(name) {
  return JSON.parse(document.body.dataset.limits)[name];
}
