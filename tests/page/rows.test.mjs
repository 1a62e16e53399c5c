// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./browser.mjs";

const { AllRows, countBelow, SomeRows } = await page("rows.js");
const gap = (line) => ({ kind: "gap", line, sentence: `before ${line}` });

test("all lines, each in its row", () => {
  const rows = new AllRows(3, []);
  assert.equal(rows.length, 3);
  assert.deepEqual([0, 1, 2].map((row) => rows.at(row)), [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test("marks stand before their lines, however they came", () => {
  const rows = new AllRows(3, [gap(3), gap(1), gap(4)]);
  const seen = Array.from({ length: rows.length }, (_, row) => rows.at(row)).map(({ n, mark }) => n ?? mark.sentence);
  assert.deepEqual(seen, ["before 1", 1, 2, "before 3", 3, "before 4"]);
});

test("two marks before one line stand one after the other", () => {
  const rows = new AllRows(2, [gap(2), gap(2)]);
  assert.deepEqual([0, 1, 2, 3].map((row) => rows.at(row).n ?? "gap"), [1, "gap", "gap", 2]);
});

test("what a mark of truncation says stands elsewhere", () => {
  assert.equal(new AllRows(2, [{ kind: "truncation", line: 1 }]).length, 2);
});

test("the row of each line has that line", () => {
  for (const marks of [[], [gap(1)], [gap(2), gap(2), gap(5)]]) {
    const rows = new AllRows(6, marks);
    for (let number = 1; number <= 6; number++) assert.equal(rows.at(rows.rowOf(number)).n, number);
  }
});

test("of some lines, the row of one that is not shown is the next one's", () => {
  const rows = new SomeRows([2, 5, 9]);
  assert.equal(rows.length, 3);
  assert.deepEqual([1, 2, 3, 5, 9, 10].map((number) => rows.rowOf(number)), [0, 0, 1, 1, 2, 3]);
  assert.deepEqual(rows.at(1), { n: 5 });
});

test("how many are below a limit", () => {
  for (let size = 0; size < 9; size++) {
    const numbers = Array.from({ length: size }, (_, index) => 2 * index);
    for (let limit = -1; limit < 20; limit++) assert.equal(countBelow(numbers, limit), numbers.filter((each) => each < limit).length);
  }
});
