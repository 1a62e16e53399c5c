// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./browser.mjs";

const { LEAST, partsOf, scaleOf } = await page("time-scale.js");
const AT = Date.UTC(2026, 5, 10, 11);
const HOUR = 3600_000;
const block = (first, last) => [1, first, last, 0, 500, 0, 1, 0];

test("few errors are a mark on a bar, never all of it", () => {
  for (const height of [LEAST, 10, 58])
    for (const few of [0.002, 1]) {
      const parts = partsOf({ debug: 0, info: 500, warn: few, error: few, raw: 0 }, height);
      assert.ok(parts.error >= 0.99 && parts.error <= 3, `${parts.error} of ${height}`);
      assert.ok(parts.info >= height / 2, `${parts.info} of ${height}`);
      assert.ok(Math.abs(parts.info + parts.warn + parts.error - height) < 1e-9);
    }
});

test("many errors are as high as their share", () => {
  assert.deepEqual(partsOf({ info: 0, error: 7 }, 40), { error: 40 });
  assert.deepEqual(partsOf({ info: 30, error: 10 }, 40), { info: 30, error: 10 });
});

test("a wrong clock does not stretch the scale, and is told", () => {
  const good = [0, 1, 2].map((hour) => block(AT + hour * HOUR, AT + (hour + 1) * HOUR));
  for (const [wrong, edge] of [[0, "before"], [Date.UTC(2099, 0, 1), "after"]])
    for (const place of [0, 1, 2])
      for (const end of [1, 2]) {
        const blocks = good.map((one) => [...one]);
        blocks[place][end] = wrong;
        const scale = scaleOf(blocks, AT);
        assert.ok(scale.from >= AT && scale.to <= AT + 3 * HOUR && scale.to > scale.from);
        assert.equal(scale[edge], wrong);
        assert.equal(scale[edge === "before" ? "after" : "before"], null);
        for (const [, first, last] of scale.blocks) assert.ok(scale.from <= first && first <= last && last <= scale.to);
      }
});

test("of one block with two ages the one counts in which the log arrived", () => {
  const scale = scaleOf([block(0, AT)], AT + HOUR);
  assert.deepEqual([scale.from, scale.to, scale.before], [AT, AT, 0]);
});

test("an honest log is shown whole, a long one too", () => {
  const blocks = Array.from({ length: 20 }, (_, week) => block(AT + week * 168 * HOUR, AT + week * 168 * HOUR + HOUR));
  assert.deepEqual(scaleOf(blocks), { from: AT, to: AT + 19 * 168 * HOUR + HOUR, blocks, before: null, after: null });
});
