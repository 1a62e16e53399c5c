// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./browser.mjs";

const { escapeControls } = await page("escape-controls.js");
const { messageOf } = await page("last-state.js");
const { KINDS, CHOICES, kindOf, levelsFrom } = await page("levels.js");

test("plain text of any script stays as it is", () => {
  for (const text of ["", "INFO [Pilot] ok\tdone", "Größe 8 µs", "日本語", "\u{1f600}"]) assert.equal(escapeControls(text), text);
});

test("no control character is left, and none is hidden", () => {
  for (let code = 0; code < 0x10000; code++) {
    const character = String.fromCharCode(code);
    const shown = escapeControls(`a${character}b`);
    assert.ok(shown.startsWith("a") && shown.endsWith("b"));
    if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(character) && shown.includes(character)) {
      // A tab is text; the others are marks within scripts, which act on nothing else.
      assert.match(character, /[\t\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2]/, code.toString(16));
    }
  }
});

test("colours of terminals are taken away whole", () => {
  assert.equal(escapeControls("\x1b[1;31mERROR\x1b[0m at \x1b]0;title\x07end"), "ERROR at end");
});

test("a line is shown without its header, which has columns of its own", () => {
  assert.equal(messageOf({ own: true, at: 5, text: "INFO message\x07" }), "message␇");
  assert.equal(messageOf({ own: false, text: "  Traceback" }), "  Traceback");
});

test("each level is of one of the kinds", () => {
  for (const level of ["FATAL", "error", "WARN", "NOTICE", "debug", "whatever", "", null]) assert.ok(KINDS.includes(kindOf(level)), level);
  assert.deepEqual(["ERROR", "", "Nonsense"].map(kindOf), ["error", "none", "info"]);
  for (const [choice] of CHOICES.slice(1)) assert.ok(levelsFrom(choice).includes("ERROR"));
  assert.deepEqual(levelsFrom(""), []);
});
