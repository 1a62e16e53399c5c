// SPDX-License-Identifier: GPL-3.0-only
// The chosen lines leave the page: into the clipboard as they stand in the log, or on paper.

import { copy } from "./clipboard.js";
import { messageAround, numbersIn, rawText, rowsOfSelection } from "./copied-text.js";

export class Copying {
  /** @param log the view whose lines these are */
  constructor(log) {
    this.log = log;
    document.addEventListener("copy", (event) => this.copied(event));
  }

  /** Of several rows, or one that is selected whole, the browser would copy numbers and columns. */
  copied(event) {
    const { key, lines } = this.log;
    if (!key || !lines.store || event.target.closest?.("input, textarea")) return;
    const numbers = rowsOfSelection(getSelection(), lines.scroller.layer);
    if (!numbers) return;
    event.preventDefault();
    this.copyLines(async () => ({ numbers, marks: 0 }));
  }

  /** The chosen lines as they stand in the log; of one, its whole message. */
  copyChosen() {
    const { outline, selection, stopped } = this.log;
    if (!selection.chosen) return;
    const { rows, store } = this.log.lines;
    const chosen = selection.rowsIn(rows);
    const whole = async () => ({ numbers: await messageAround(store, selection.chosen, outline.lines, stopped.signal), marks: 0 });
    this.copyLines(selection.isRange ? async () => numbersIn(rows, ...chosen) : whole);
  }

  copyLines(find) {
    const { lines: { store }, stopped } = this.log;
    let sentence = "";
    const read = async () => {
      const { numbers, marks } = await find();
      const text = await rawText(store, numbers, stopped.signal);
      const many = numbers.length;
      sentence = many === 1 ? "The line is copied." : `${many.toLocaleString("en")} lines are copied.`;
      if (marks) sentence += ` Between them ${marks === 1 ? "is a gap" : `are ${marks} gaps`}: what is missing there is not copied.`;
      return text;
    };
    copy(read(), () => sentence);
  }

  /** On paper: the chosen rows, else those in sight. */
  rowsToPrint() {
    const { selection } = this.log;
    const { rows, scroller, store } = this.log.lines;
    const [first, last] = (selection.isRange && selection.rowsIn(rows)) || [Math.floor(scroller.top), rows.length ? scroller.bottom : -1];
    return { first, last, at: (row) => rows.at(row), get: (number) => store?.get(number) };
  }
}
