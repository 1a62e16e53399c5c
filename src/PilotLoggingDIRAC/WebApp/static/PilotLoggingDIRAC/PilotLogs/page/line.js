// SPDX-License-Identifier: GPL-3.0-only
// One line of a log as a row. Its text is set as text, whatever stands in it.

import { make } from "./dom.js";
import { escapeControls } from "./escape-controls.js";
import { messageOf } from "./last-state.js";
import { kindOf } from "./levels.js";
import { bothTimes, clock, instant } from "./times.js";

const LONGEST_SHOWN = 4000;

/** A text with the places marked where a word stands, in any case. */
export function marked(text, word) {
  if (!word) return [text];
  const pieces = [];
  const lower = text.toLowerCase();
  const wanted = word.toLowerCase();
  if (lower.length !== text.length) return [text]; // a character whose lower case is longer: places would not fit
  let end = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, end)) {
    pieces.push(text.slice(end, at), make("mark", {}, text.slice(at, at + wanted.length)));
    end = at + wanted.length;
  }
  return [...pieces, text.slice(end)];
}

/**
 * Make the row of a line.
 *
 * @param look {word, isChosen, isSelected}
 */
export function lineRow(line, { word, isChosen, isSelected = false }) {
  const at = instant(line.time);
  const text = messageOf(line);
  const cut = line.size || text.length > LONGEST_SHOWN;
  const row = make(
    "div",
    {
      class: `row ${kindOf(line.level)} ${line.own ? "own" : "raw"}${isChosen ? " chosen" : ""}${isSelected ? " selected" : ""}`,
      data: { n: line.n },
      role: "listitem",
    },
    make("a", { class: "n", href: `#${line.n}`, tabIndex: -1, title: "Choose this line (c copies a link to it)" }, String(line.n)),
    make("time", { class: "at", title: at === null ? "" : bothTimes(at) }, ...(line.own && at !== null ? timeOf(at) : [])),
    make("span", { class: "level" }, line.own ? line.level : ""),
    make("span", { class: "command", title: line.own ? escapeControls(line.command) : "" }, line.own ? escapeControls(line.command) : ""),
    make("bdi", { class: "text", dir: "ltr" }, ...marked(text.slice(0, LONGEST_SHOWN), word)),
  );
  if (cut) row.append(make("span", { class: "cut" }, cutOf(line)));
  return row;
}

function cutOf({ size, lastState }) {
  if (!size) return " …";
  return lastState ? ` (last state of ${size.toLocaleString("en")} bytes)` : ` … ${size.toLocaleString("en")} bytes`;
}

/** Where there is little room, its milliseconds are not shown. */
function timeOf(at) {
  const text = clock(at, true);
  return [text.slice(0, 8), make("span", { class: "fraction" }, text.slice(8))];
}

export function markRow(mark) {
  return make("div", { class: `row mark ${mark.kind}`, role: "listitem" }, make("span", { class: "sentence" }, `⚠ ${mark.sentence}`));
}

export function waitingRow(number) {
  return make("div", { class: "row waiting", role: "listitem", "aria-busy": "true" }, make("span", { class: "n" }, String(number)));
}
