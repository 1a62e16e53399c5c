// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./browser.mjs";

const { bothTimes, clock, day, instant, moment, span } = await page("times.js");
const { barsOf } = await page("hits-chart.js");
const AT = Date.UTC(2026, 5, 10, 11, 2, 3, 456);

test("a time is read or it is none", () => {
  assert.equal(instant("2026-06-10T11:02:03.456789Z"), AT);
  for (const text of ["", null, undefined, "yesterday"]) assert.equal(instant(text), null);
});

test("it is shown as UTC, whatever the zone of the browser", () => {
  assert.equal(day(AT), "2026-06-10");
  assert.equal(clock(AT), "11:02:03");
  assert.equal(clock(AT, true), "11:02:03.456");
  assert.equal(moment(AT), "2026-06-10 11:02 UTC");
  assert.equal(moment(AT, true), "2026-06-10 11:02:03 UTC");
  assert.match(bothTimes(AT), /^2026-06-10 11:02:03\.456 UTC\n.* local \(.+\)$/);
});

test("how long, in the unit that tells", () => {
  const spans = [[-5, "0 s"], [99, "99 s"], [100, "2 min"], [3 * 3600, "3 h"], [47 * 3600, "47 h"], [48 * 3600, "2 d"]];
  for (const [seconds, text] of spans) assert.equal(span(1000 * seconds), text);
});

test("bars of what was found: of one width, without a hole, nothing lost", () => {
  const line = (seconds) => ({ time: new Date(AT + 1000 * seconds).toISOString() });
  for (const length of [0, 5, 600, 86400, 400 * 86400, 20_000 * 86400]) {
    const found = [{ row: {}, lines: [line(0), line(length)] }, { row: {}, lines: [line(length / 2)] }];
    const { bars, width } = barsOf(found);
    assert.ok(bars.length >= 1 && bars.length <= 48, `${bars.length} bars of ${length} s`);
    assert.equal(bars.reduce((sum, bar) => sum + bar.lines, 0), 3);
    bars.forEach((bar, place) => assert.equal(bar.from, bars[0].from + place * width));
  }
  assert.deepEqual(barsOf([]), { bars: [], width: 0 });
});

test("a line without a time counts where its log ended", () => {
  const { bars } = barsOf([{ row: { LastArrival: "2026-06-10T11:02:03Z" }, lines: [{ time: null }] }]);
  assert.equal(bars[0].lines, 1);
});
