// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerWith, page, stand } from "./browser.mjs";

const { findAll } = await page("find-all.js");
const KEY = { stamp: "0123", vo: "alpha" };

/** A collector that looks at `look` lines in one call, of a log whose every third line fits. */
function serve(lines, look) {
  return answerWith((_method, parameters) => {
    const [first, limit] = ["first", "limit"].map((name) => Number(parameters.get(name)));
    const last = Math.min(first + look - 1, lines);
    const fitting = Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((number) => number % 3 === 0);
    return { numbers: fitting.slice(0, limit), total: fitting.length, next: last + 1, done: last === lines };
  });
}

test("all that fit, in order and once, however much one call gives", async () => {
  const wanted = Array.from({ length: 100 }, (_, index) => 3 * (index + 1));
  for (const [look, mostFound] of [[1000, 1000], [7, 1000], [1000, 4], [10, 2]]) {
    stand("/", { limits: JSON.stringify({ mostFound }) });
    const asked = serve(300, look);
    const told = [];
    const numbers = [];
    await findAll(KEY, {}, { numbers, signal: new AbortController().signal, came: (all, isAll) => told.push([all.length, isAll]) });
    assert.deepEqual(numbers, wanted);
    assert.deepEqual(told.at(-1), [100, true]);
    assert.ok(told.slice(0, -1).every(([, isAll]) => !isAll));
    assert.ok(asked.every(([, { limit }]) => Number(limit) === mostFound), "the portal says how many");
  }
});

test("enough is enough", async () => {
  stand("/", { limits: '{"mostFound": 10}' });
  serve(300, 1000);
  const numbers = [];
  await findAll(KEY, {}, { most: 25, numbers, signal: new AbortController().signal, came: () => undefined });
  assert.equal(numbers.length, 30);
});
