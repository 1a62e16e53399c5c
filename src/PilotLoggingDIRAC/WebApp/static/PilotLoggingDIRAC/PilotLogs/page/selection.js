// SPDX-License-Identifier: GPL-3.0-only
// Which lines are chosen: none, one, or all from one to another. By their numbers; where they stand the rows know.

export class Selection {
  constructor() {
    this.clear();
  }

  clear() {
    this.choose(0);
  }

  /** Choose one line, or from it to another one; 0 for none. */
  choose(number, until = 0) {
    this.chosen = number;
    this.until = until; // the other end of the chosen lines, if they are several
  }

  /** Choose all lines up to another one. */
  extendTo(number) {
    this.until = number === this.chosen ? 0 : number;
  }

  get isRange() {
    return this.until > 0;
  }

  /** Where the person is: the end that moves. */
  get end() {
    return this.until || this.chosen;
  }

  /** Whether a line is one of several that are chosen. */
  has(number) {
    return this.isRange && number >= Math.min(this.chosen, this.until) && number <= Math.max(this.chosen, this.until);
  }

  /** The first and the last of the chosen rows, or null. */
  rowsIn(rows) {
    if (!this.chosen) return null;
    return [rows.rowOf(this.chosen), rows.rowOf(this.end)].sort((one, other) => one - other);
  }
}

/** The line in a row, or the next one in the direction of a step if there is a mark; undefined where no line is. */
export function lineFrom(rows, row, step) {
  const direction = Math.sign(step) || 1; // without a direction one would never get away from a mark
  let at = Math.min(Math.max(row, 0), rows.length - 1);
  while (rows.at(at).mark && at + direction >= 0 && at + direction < rows.length) at += direction;
  return rows.at(at).n;
}
