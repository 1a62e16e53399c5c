// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { answerWith, page, settle } from "./browser.mjs";

const { LinesStore } = await page("lines-store.js");
const KEY = { stamp: "0123", vo: "alpha" };
const TOTAL = 1200;
let arrivals;
let failures;

const makeStore = () => new LinesStore(KEY, () => arrivals++, (error) => failures.push(error.message));
const line = (n) => ({ n, text: `line ${n}`, own: true, at: 0 });
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** A log of so many lines, of which one answer has `most`. */
function serve(most = Infinity) {
  return answerWith((_method, parameters) => {
    const first = Number(parameters.get("first"));
    const numbers = parameters.get("numbers")?.split(",").map(Number) ?? range(first, first + Number(parameters.get("count")) - 1);
    const there = numbers.filter((number) => number >= 1 && number <= TOTAL);
    return { lines: there.slice(0, most).map(line), more: there.length > most };
  });
}

beforeEach(() => {
  arrivals = 0;
  failures = [];
});

test("lines in sight come by whole blocks, each asked for once", async () => {
  const asked = serve();
  const store = makeStore();
  store.want(range(480, 520), 0);
  store.want(range(481, 521), 0);
  await settle();
  assert.deepEqual(asked.map(([, { first, count }]) => [first, count]), [["1", "500"], ["501", "500"]]);
  assert.equal(store.get(500).text, "line 500");
  assert.equal(arrivals, 2);
  store.want(range(480, 520), 0);
  await settle();
  assert.equal(asked.length, 2, "they are here");
});

test("lines far from each other are asked for by their numbers", async () => {
  const asked = serve();
  makeStore().want([1, 600, 1200], 0);
  await settle();
  assert.deepEqual(asked.map(([, { numbers }]) => numbers), ["1,600,1200"]);
});

test("a chosen line elsewhere comes first", async () => {
  const asked = serve();
  makeStore().want([1, 2, 3], 900);
  await settle();
  assert.deepEqual(asked.map(([, { numbers, first }]) => numbers ?? first), ["900", "1"]);
});

test("what one answer does not hold is asked for again, and nothing twice", async () => {
  const asked = serve(150);
  const store = makeStore();
  store.want(range(1, 40), 0);
  await settle();
  assert.deepEqual(asked.map(([, { first, count }]) => [first, count]), [["1", "500"], ["151", "350"], ["301", "200"], ["451", "50"]]);
  assert.equal(store.get(500).n, 500);
});

test("to be copied, none is left out, and those that are here are not asked for", async () => {
  serve();
  const store = makeStore();
  store.want([1], 0);
  await settle();
  const asked = serve(100);
  const lines = await store.read([3, 499, 501, 1200]);
  assert.deepEqual(lines.map(({ n }) => n), [3, 499, 501, 1200]);
  assert.deepEqual(asked.map(([, { numbers }]) => numbers), ["501,1200"]);
});

test("a line that is not there any more is told, not left out", async () => {
  serve();
  await assert.rejects(makeStore().read([1199, 1201]), /The log has changed meanwhile/);
});

test("a failure is told once, and nothing is asked for a while", async () => {
  const asked = answerWith(() => {
    throw { status: 400, error: "You may not read the logs of VO alpha." };
  });
  const store = makeStore();
  store.want([1], 0);
  await settle();
  store.want([2], 0);
  await settle();
  assert.equal(asked.length, 1);
  assert.deepEqual(failures, ["You may not read the logs of VO alpha."]);
  store.stop();
});

test("lines that may have changed are forgotten, those before stay", async () => {
  serve();
  const store = makeStore();
  store.keep(range(1, 10).map(line));
  store.forget(8);
  assert.deepEqual([7, 8, 10].map((n) => Boolean(store.get(n))), [true, false, false]);
  store.forget();
  assert.equal(store.get(1), undefined);
});

test("of very many lines those that came last are kept", () => {
  const store = makeStore();
  for (let first = 1; first < 70_000; first += 1000) store.keep(range(first, first + 999).map(line));
  assert.ok(store.lines.size <= 60_000);
  assert.ok(store.get(70_000));
  assert.equal(store.get(1), undefined);
});

test("a log that was left is not asked for any more", async () => {
  const asked = serve();
  const store = makeStore();
  store.want(range(1, 40), 0);
  store.stop();
  await settle();
  assert.ok(asked.length <= 1);
  assert.deepEqual(failures, []);
  assert.equal(arrivals, 0);
});
