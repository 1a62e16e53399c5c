// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { page, stand } from "./browser.mjs";

const { addressOf, linkTo, readPlace, withoutLog, writePlace } = await page("url-state.js");
const HERE = "/DIRAC/s:None/g:alpha_user/PilotLogs/page";
const PLACES = [
  {},
  { log: "0123", logvo: "alpha", line: "17", find: "a b&c=d#é", level: "warn", command: "[Pilot]" },
  { site: ["LCG.A.org", "LCG,B?"], exit: ["0", "1"], show: "failed", sort: "Lines", order: "ASC", start: "200", after: "WyJMQ0ci-_" },
  { text: "+ % \u{1f600}", range: "own", since: "2026-06-09T10:30" },
];

beforeEach(() => stand(HERE, { vo: "alpha" }));

test("what is written is read again", () => {
  for (const parts of PLACES) {
    const place = { ...readPlace(), ...parts };
    writePlace(place);
    assert.deepEqual(readPlace(), place);
    stand(HERE);
  }
});

test("nowhere in particular is the bare address", () => {
  assert.equal(addressOf(readPlace()), HERE);
});

test("what an address has beside is left out, and empty parts are none", () => {
  stand(`${HERE}?reference=x&site=&site=A&log=`);
  assert.equal(addressOf(readPlace()), `${HERE}?site=A`);
});

test("a link names no group, so that each reader gets one of their own, and the VO it was made in", () => {
  const link = new URL(linkTo(readPlace()));
  assert.equal(link.pathname, "/DIRAC/PilotLogs/page");
  assert.equal(link.searchParams.get("homevo"), "alpha");
});

test("a link that names a VO itself needs none beside it", () => {
  for (const parts of [{ log: "0123", logvo: "beta" }, { vo: ["beta"] }]) {
    assert.equal(new URL(linkTo({ ...readPlace(), ...parts })).searchParams.get("homevo"), null);
  }
});

test("without the log the list's part stays", () => {
  const { site, log, line } = withoutLog({ ...readPlace(), site: ["A"], log: "0123", line: "4" });
  assert.deepEqual([site, log, line], [["A"], "", ""]);
});
