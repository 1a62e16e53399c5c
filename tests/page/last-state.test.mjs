// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { page } from "./browser.mjs";

const { messageOf, statesOf, wholeOf } = await page("last-state.js");
const CASES = JSON.parse(readFileSync(new URL("../support/last_states.json", import.meta.url)));

/** As the collector gives it; it counts characters, not their halves. */
const asGiven = ({ line, header = "" }) => {
  const begin = header ? line.search(/\d{4}-/) : 0;
  const end = header ? line.indexOf("] ", begin) + 2 : 0;
  return { own: Boolean(header), at: [...line.slice(0, end)].length, text: line };
};

test("a line that was written over is shown in its last state", () => {
  for (const each of CASES) {
    assert.equal(messageOf(asGiven(each)), each.message, each.name);
    assert.equal(wholeOf(asGiven(each)), `${each.header ?? ""}${each.message}`, each.name);
  }
});

test("all its states can be seen, the last one too", () => {
  assert.deepEqual(statesOf({ own: true, at: 5, text: "INFO 10%\r\r 20%\x1b[K\r   \r100%" }), ["10%", " 20%", "100%"]);
  for (const each of CASES) assert.equal((statesOf(asGiven(each)).at(-1) ?? "").trimEnd(), each.message.trimEnd(), each.name);
});

test("a hostile line takes no longer than another one", () => {
  for (const unit of ["\r", " ", "\r ", " \r", "\x1b[K\r"]) {
    const text = unit.repeat(2 ** 20 / unit.length);
    assert.equal(wholeOf({ own: false, at: 0, text: `1\r${text}2` }).trim(), "2");
    assert.equal(messageOf({ own: false, at: 0, text: `1\r${text}` }), "1");
  }
});
