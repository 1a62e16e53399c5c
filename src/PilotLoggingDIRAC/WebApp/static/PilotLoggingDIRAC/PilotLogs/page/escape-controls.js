// SPDX-License-Identifier: GPL-3.0-only
// What strangers wrote, made visible: no control character acts, none hides.

/* eslint-disable no-control-regex -- control characters are what is looked for */

// C0 and C1 controls but the tab; marks that change the direction or the place of what follows; what has no width.
const ACTING = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]/gu;

// Colours and cursor movements of terminals, whole: nobody misses them.
const TERMINAL = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))/g;

function picture(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\u27e8${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

/** A text without colours and cursor movements. */
export function withoutTerminal(text) {
  return text.replace(TERMINAL, "");
}

/** The text of a line as it may be shown. */
export function escapeControls(text) {
  return withoutTerminal(text).replace(ACTING, picture);
}
