// SPDX-License-Identifier: GPL-3.0-only
// The lines of the chosen log that the filter leaves: which row has which, those in sight are fetched and drawn.

import { make } from "./dom.js";
import { findAll } from "./find-all.js";
import { lineRow, markRow, waitingRow } from "./line.js";
import { LinesStore } from "./lines-store.js";
import { tell } from "./notices.js";
import { AllRows, SomeRows } from "./rows.js";
import { Ruler } from "./ruler.js";
import { Scroller } from "./scroller.js";

const ROW = 20;
const MOST_TICKS = 20000;
const AROUND = 60;

export class ShownLines {
  /** @param log the view whose lines these are */
  constructor(log) {
    this.log = log;
    this.store = undefined;
    this.rows = new AllRows(0, []);
    this.levelWidth = 5;
    this.scroller = new Scroller(ROW, (row) => this.draw(row), (how) => log.moved(how));
    this.scroller.element.setAttribute("role", "list");
    this.scroller.element.setAttribute("aria-label", "Lines of the log");
    this.ruler = new Ruler((part) => log.goByHand(part * this.rows.length - this.scroller.inSight / 2));
    this.empty = make("p", { class: "empty", hidden: true });
  }

  /** Nothing is known of the log yet. */
  clear() {
    this.rows = new AllRows(0, []);
    this.scroller.setTotal(0);
    this.scroller.repaint();
  }

  /** The log is known now. */
  open() {
    this.store = new LinesStore(this.log.key, () => this.arrived(), tell);
  }

  /** The rows anew: all lines, or those that the filter leaves. */
  async fill() {
    const { filter, outline } = this.log;
    this.filling?.abort();
    this.filling = new AbortController();
    filter.mark();
    if (filter.isSet) await this.find({ signal: this.filling.signal });
    else this.setRows(new AllRows(outline.lines, outline.marks));
  }

  /** The rows of a log that has become longer; its last line may have been there in part only. */
  async extend(lines) {
    if (!this.log.filter.isSet) return this.fill();
    const numbers = this.rows.numbers.filter((number) => number < lines);
    return this.find({ first: lines || 1, numbers, signal: this.log.stopped.signal });
  }

  find(which) {
    const { filter, key } = this.log;
    return findAll(key, filter.conditions, { ...which, came: (numbers) => this.setRows(new SomeRows(numbers)) });
  }

  setRows(rows) {
    this.rows = rows;
    this.scroller.setTotal(rows.length);
    this.scroller.repaint();
    this.empty.textContent = this.log.filter.isSet ? "No line of this log fits the filter." : "The log is empty so far.";
    this.empty.hidden = rows.length > 0;
    this.showTicks();
  }

  /** The line in a row, or the one before. */
  lineAt(row) {
    for (let at = Math.min(row, this.rows.length - 1); at >= 0; at--) {
      const { n } = this.rows.at(at);
      if (n) return n;
    }
    return 1;
  }

  get firstInSight() {
    return this.lineAt(Math.ceil(this.scroller.top));
  }

  draw(row) {
    const { finder, selection } = this.log;
    const { n, mark } = this.rows.at(row);
    if (mark) return markRow(mark);
    const line = this.store.get(n);
    if (!line) return waitingRow(n);
    if (line.own && line.level.length > this.levelWidth) {
      this.levelWidth = line.level.length;
      this.setWidth("level", this.levelWidth + 2);
    }
    return lineRow(line, { word: finder.word, isChosen: n === selection.chosen, isSelected: selection.has(n) });
  }

  setWidth(column, characters) {
    this.scroller.element.style.setProperty(`--${column}`, `${characters}ch`);
  }

  /** Lines have come. */
  arrived() {
    const { choosing, detail, selection } = this.log;
    this.scroller.refresh((element) => element.classList.contains("waiting"));
    if (selection.chosen && !selection.isRange && detail.line !== this.store.get(selection.chosen)) choosing.showDetail();
    this.want();
  }

  /** Fetch what is in sight, and a screen more on either side. */
  want() {
    if (!this.store) return;
    const numbers = [];
    const add = (from, to) => {
      for (let row = Math.max(0, from); row < Math.min(to, this.rows.length); row++) {
        const { n } = this.rows.at(row);
        if (n) numbers.push(n);
      }
    };
    const { first, last } = this.scroller;
    add(first, last);
    add(last, last + AROUND);
    add(first - AROUND, first);
    this.store.want(numbers, this.log.selection.chosen);
  }

  /** Beside the scroll bar: where something is. */
  showTicks() {
    const { finder, outline, selection } = this.log;
    if (!outline) return;
    const parts = (numbers) => numbers.slice(0, MOST_TICKS).map((number) => this.rows.rowOf(number) / Math.max(1, this.rows.length));
    this.ruler.show([
      ["warn", parts(outline.warnings.lines)],
      ["found", finder.word ? parts(finder.numbers) : []],
      ["mark", parts(outline.marks.map((mark) => mark.line))],
      ["error", parts(outline.errors.lines)],
      ["chosen", selection.chosen ? parts([selection.chosen]) : []],
    ]);
  }
}
