// SPDX-License-Identifier: GPL-3.0-only
// Lines that were written over, such as progress bars: of the states between carriage returns the last one is shown.
//
// The same is done by the collector and the commands (lines/last_state.py); both are tested with the cases of one table.

import { escapeControls, withoutTerminal } from "./escape-controls.js";

const BLANK = " \t\r";

/** The last state that is not blank, without blanks at its end; a text that was not written over as it is. */
export function lastState(text) {
  if (!text.includes("\r")) return text;
  const plain = withoutTerminal(text);
  let end = plain.length;
  while (end > 0 && BLANK.includes(plain[end - 1])) end--;
  return plain.slice(0, end).split("\r").at(-1);
}

/** A line's header and its message. */
function parts({ own, at, text }) {
  let place = 0;
  // The collector counts characters, not their halves.
  for (let left = own ? at : 0; left > 0; left--) place += text.codePointAt(place) > 0xffff ? 2 : 1;
  return [text.slice(0, place), text.slice(place)];
}

/** The message of a line in its last state, as it was sent. */
export function lastMessage(line) {
  return lastState(parts(line)[1]);
}

/** What is shown of a line's text: without its header, which stands in columns of its own. */
export function messageOf(line) {
  return escapeControls(lastMessage(line));
}

/** What is shown of a line with its header. */
export function wholeOf(line) {
  const [head, message] = parts(line);
  return escapeControls(withoutTerminal(head).split("\r").at(-1) + lastState(message));
}

/** All states of a line that are not blank, as they are shown; of a very long line only the last one is here. */
export function statesOf(line) {
  return withoutTerminal(parts(line)[1]).split("\r").filter((state) => /[^ \t]/.test(state)).map(escapeControls);
}
