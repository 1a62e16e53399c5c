// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./browser.mjs";

const { numbersAround } = await page("pager.js");
const shown = (at, pages) => numbersAround(at, pages).map((number) => number || "…").join(" ");

test("few pages are all shown", () => {
  assert.equal(shown(1, 1), "1");
  assert.equal(shown(3, 5), "1 2 3 4 5");
});

test("of many, the first, the last and those around", () => {
  assert.equal(shown(1, 20), "1 2 3 … 20");
  assert.equal(shown(10, 20), "1 … 8 9 10 11 12 … 20");
  assert.equal(shown(20, 20), "1 … 18 19 20");
});

test("a gap never stands for one number, and no two gaps meet", () => {
  for (let pages = 1; pages <= 40; pages++) {
    for (let at = 1; at <= pages; at++) {
      const numbers = numbersAround(at, pages);
      assert.equal(numbers[0], 1);
      assert.equal(numbers.at(-1), pages);
      assert.ok(numbers.includes(at));
      numbers.forEach((number, place) => {
        if (!number) assert.ok(numbers[place + 1] - numbers[place - 1] > 2, `page ${at} of ${pages}: ${numbers}`);
        else if (place) assert.ok(!numbers[place - 1] || number === numbers[place - 1] + 1, `page ${at} of ${pages}: ${numbers}`);
      });
    }
  }
});

test("a million pages cost no more than ten", () => {
  assert.equal(shown(500_000, 1_000_000), "1 … 499998 499999 500000 500001 500002 … 1000000");
});
