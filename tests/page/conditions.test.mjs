// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page, stand } from "./browser.mjs";

stand("/DIRAC/PilotLogs/page");
const { conditionsOf, isNarrowed, RANGES, SHOWN } = await page("conditions.js");
const { readPlace } = await page("url-state.js");
const NOTHING = readPlace();
const NOW = Date.UTC(2026, 5, 10, 12);
const of = (parts) => conditionsOf({ ...NOTHING, ...parts }, NOW);

test("without a filter the list is not narrowed", () => {
  assert.equal(isNarrowed(NOTHING), false);
});

test("each filter narrows the list", () => {
  for (const [name] of SHOWN.slice(1)) assert.ok(isNarrowed({ ...NOTHING, show: name }), name);
  for (const name of ["pilot", "vo", "site", "ce", "host", "exit"]) assert.ok(isNarrowed({ ...NOTHING, [name]: ["1"] }), name);
  for (const name of ["text", "like"]) assert.ok(isNarrowed({ ...NOTHING, [name]: "x" }), name);
  for (const [range] of RANGES.slice(1, -1)) assert.ok(isNarrowed({ ...NOTHING, range }), range);
});

test("what nobody offers is as if nothing were chosen", () => {
  assert.equal(isNarrowed({ ...NOTHING, show: "toString", range: "eternity" }), false);
});

test("whole stamps are looked up, anything else is a part of a stamp or a reference", () => {
  const stamp = "0123456789abcdef0123456789abcdef";
  assert.deepEqual(of({ pilot: [stamp.toUpperCase(), ` ${stamp} `] }).stamp, [stamp, stamp]);
  const dashed = "01234567-89ab-cdef-0123-456789abcdef";
  assert.deepEqual(of({ pilot: [dashed] }).stamp, [dashed]);
  const mixed = of({ pilot: [stamp, "https://ce/12"] });
  assert.equal(mixed.stamp, undefined);
  assert.deepEqual(mixed.pilotPart, [stamp, "https://ce/12"]);
  assert.deepEqual(of({ pilot: [stamp.slice(0, 8)] }).pilotPart, [stamp.slice(0, 8)]);
});

test("the last hour ends now, and times of one's own are UTC", () => {
  assert.equal(of({ range: "1h" }).since, "2026-06-10T11:00:00.000Z");
  const own = of({ range: "own", since: "2026-06-09T10:30", until: "" });
  assert.deepEqual([own.since, own.until], ["2026-06-09T10:30Z", ""]);
  assert.equal(of({ since: "2026-06-09T10:30" }).since, undefined, "the fields are not shown");
});
