// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page, stand } from "./browser.mjs";

stand("/DIRAC/PilotLogs/page");
const { lineFrom, Selection } = await page("selection.js");
const { MOST_COPIED, numbersIn } = await page("copied-text.js");
const { AllRows, SomeRows } = await page("rows.js");
const gap = (line) => ({ kind: "gap", line });

test("nothing, one line, several", () => {
  const selection = new Selection();
  const rows = new AllRows(9, []);
  assert.equal(selection.rowsIn(rows), null);
  selection.choose(4);
  assert.deepEqual([selection.isRange, selection.end, selection.has(4)], [false, 4, false]);
  assert.deepEqual(selection.rowsIn(rows), [3, 3]);
  selection.extendTo(2);
  assert.deepEqual([selection.isRange, selection.end], [true, 2]);
  assert.deepEqual([1, 2, 3, 4, 5].map((number) => selection.has(number)), [false, true, true, true, false]);
  assert.deepEqual(selection.rowsIn(rows), [1, 3]);
});

test("back at its beginning it is one line again", () => {
  const selection = new Selection();
  selection.choose(4);
  selection.extendTo(6);
  selection.extendTo(4);
  assert.equal(selection.isRange, false);
  assert.equal(selection.chosen, 4);
});

test("another choice ends the range", () => {
  const selection = new Selection();
  selection.choose(1, 5);
  selection.choose(7);
  assert.equal(selection.isRange, false);
  selection.clear();
  assert.equal(selection.rowsIn(new AllRows(9, [])), null);
});

test("rows are in order, however many: 9 comes before 10", () => {
  const selection = new Selection();
  selection.choose(11, 10);
  assert.deepEqual(selection.rowsIn(new AllRows(20, [])), [9, 10]);
});

test("from a mark to the line beyond it, either way, and not out of the log", () => {
  const rows = new AllRows(4, [gap(1), gap(3), gap(5)]); // gap 1 2 gap 3 4 gap
  assert.equal(lineFrom(rows, 3, 1), 3);
  assert.equal(lineFrom(rows, 3, -1), 2);
  assert.equal(lineFrom(rows, 0, -1), undefined);
  assert.equal(lineFrom(rows, 0, 1), 1);
  assert.equal(lineFrom(rows, 3, 0), 3, "where nobody moves, too");
  assert.equal(lineFrom(rows, 5, -20), 4);
  assert.equal(lineFrom(rows, Infinity, 1), undefined);
  assert.equal(lineFrom(rows, -Infinity, 1), 1);
});

test("what is copied of rows: the lines, and how many marks lie between", () => {
  assert.deepEqual(numbersIn(new AllRows(4, [gap(3)]), 1, 3), { numbers: [2, 3], marks: 1 });
  assert.deepEqual(numbersIn(new SomeRows([2, 8, 9]), 0, 99), { numbers: [2, 8, 9], marks: 0 });
});

test("too many are refused in a sentence, before they are gathered", () => {
  assert.throws(() => numbersIn(new AllRows(10 ** 9, []), 0, 10 ** 9), /more than can be copied at once/);
  assert.throws(() => numbersIn(new AllRows(MOST_COPIED + 1, []), 0, MOST_COPIED), /more than can be copied at once/);
  assert.equal(numbersIn(new AllRows(MOST_COPIED, []), 0, MOST_COPIED - 1).numbers.length, MOST_COPIED);
});
