// SPDX-License-Identifier: GPL-3.0-only
// What stands in which row: every line of a log with the marks between them, or only the lines that were found.

/** All lines, and the marks (gaps, what was left out) in front of the lines that they belong to. */
export class AllRows {
  constructor(lines, marks) {
    this.lines = lines;
    this.marks = marks.filter((mark) => mark.kind !== "truncation").sort((one, other) => one.line - other.line);
    this.places = this.marks.map((mark, index) => Math.min(mark.line, lines + 1) - 1 + index);
  }

  get length() {
    return this.lines + this.marks.length;
  }

  /** {n} of a line, or {mark}. */
  at(row) {
    const before = countBelow(this.places, row);
    if (this.places[before] === row) return { mark: this.marks[before] };
    return { n: row - before + 1 };
  }

  rowOf(number) {
    let before = 0;
    while (before < this.marks.length && this.marks[before].line <= number) before++;
    return number - 1 + before;
  }
}

/** Only some lines, in ascending order. */
export class SomeRows {
  constructor(numbers) {
    this.numbers = numbers;
  }

  get length() {
    return this.numbers.length;
  }

  at(row) {
    return { n: this.numbers[row] };
  }

  /** The row of a line, or of the next one that is shown. */
  rowOf(number) {
    return countBelow(this.numbers, number);
  }
}

/** How many of ascending numbers are below a limit. */
export function countBelow(ascending, limit) {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
