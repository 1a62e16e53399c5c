// SPDX-License-Identifier: GPL-3.0-only
// Lines are chosen: with the mouse, with keys, or by a link; and what is shown of them.

import { whenQuiet } from "./dom.js";
import { Dragging } from "./dragging.js";
import { numbersIn } from "./copied-text.js";
import { lineFrom } from "./selection.js";

const MOST_AHEAD = 5000;

export class Choosing {
  /** @param log the view whose lines these are */
  constructor(log) {
    this.log = log;
    const { selection } = log;
    const { scroller } = log.lines;
    scroller.element.addEventListener("click", (event) => this.clicked(event));
    new Dragging(scroller, {
      lineOf: (row) => log.lines.rows.at(row).n,
      begin: (number) => selection.choose(number),
      move: (number) => this.chooseUntil(number, true),
      end: () => this.chosenByDragging(),
    });
    document.addEventListener("keydown", (event) => this.keyed(event));
    this.fetchAhead = whenQuiet(300, () => this.fetchChosen());
  }

  /** Choose a line and bring it into sight; 0 for none. */
  choose(number) {
    const { change, errors, finder, following, lines, outline, selection } = this.log;
    const wanted = number && Math.min(Math.max(1, number), Math.max(1, outline?.lines ?? 1));
    selection.choose(wanted);
    if (wanted) {
      following.set(false);
      finder.at = wanted;
      finder.tell();
      lines.scroller.reveal(lines.rows.rowOf(wanted));
    }
    lines.scroller.repaint();
    this.showDetail();
    lines.showTicks();
    errors.tellCount();
    change({ line: wanted ? String(wanted) : "" });
  }

  /** The line below or above the chosen one. */
  chooseNext(step) {
    const { lines: { rows, scroller }, selection } = this.log;
    if (!rows.length) return;
    const row = selection.chosen ? rows.rowOf(selection.chosen) + step : Math.ceil(scroller.top);
    this.choose(lineFrom(rows, row, step) ?? selection.chosen);
  }

  /** All lines from the chosen one to another. */
  chooseUntil(number, isDragging = false) {
    const { following, lines: { rows, scroller }, selection } = this.log;
    if (!selection.chosen) {
      this.choose(number);
      return;
    }
    selection.extendTo(number);
    following.set(false);
    for (const element of scroller.elements.values()) element.classList.toggle("selected", selection.has(Number(element.dataset.n)));
    if (isDragging) return;
    this.showDetail();
    scroller.reveal(rows.rowOf(number));
    this.fetchAhead();
  }

  /** More lines, or fewer, by the keyboard. */
  extend(step) {
    const { lines: { rows }, selection } = this.log;
    if (!rows.length) return;
    if (!selection.chosen) {
      this.chooseNext(0);
      return;
    }
    const number = lineFrom(rows, rows.rowOf(selection.end) + step, step);
    if (number) this.chooseUntil(number);
  }

  chooseAll() {
    const { change, following, lines, selection } = this.log;
    if (!lines.rows.length) return;
    selection.choose(lines.lineAt(0), lines.lineAt(lines.rows.length - 1));
    following.set(false);
    lines.scroller.repaint();
    this.showDetail();
    change({ line: String(selection.chosen) });
  }

  showDetail() {
    const { detail, filter, lines, selection } = this.log;
    const { rows, scroller, store } = lines;
    const line = selection.chosen ? store?.get(selection.chosen) : null;
    if (!line && selection.chosen && !selection.isRange) return;
    const height = scroller.element.clientHeight;
    if (selection.isRange) {
      const [from, to] = selection.rowsIn(rows);
      const [first, last] = [lines.lineAt(from), lines.lineAt(to)];
      detail.showRange(first, last, filter.isSet ? to - from + 1 : last - first + 1);
    } else {
      detail.show(line ?? null);
    }
    // What came up below must not hide the line that it is about.
    if (selection.chosen && scroller.element.clientHeight < height) scroller.reveal(rows.rowOf(selection.end));
  }

  /** So that they are here when they are copied or printed. */
  fetchChosen() {
    const { lines: { rows, store }, selection, stopped } = this.log;
    const chosen = selection.rowsIn(rows);
    if (!chosen || !selection.isRange || chosen[1] - chosen[0] >= MOST_AHEAD) return;
    store.read(numbersIn(rows, ...chosen).numbers, stopped.signal).catch(() => undefined);
  }

  chosenByDragging() {
    this.log.change({ line: String(this.log.selection.chosen) });
    this.showDetail();
    this.log.lines.showTicks();
    this.fetchAhead();
  }

  clicked(event) {
    const row = event.target.closest(".row[data-n]");
    if (event.target.closest("a")) event.preventDefault();
    if (!row) return;
    const number = Number(row.dataset.n);
    if (event.shiftKey) {
      this.chooseUntil(number);
      return;
    }
    if (String(getSelection()).length) return;
    this.choose(number === this.log.selection.chosen && !event.target.closest("a") ? 0 : number);
  }

  keyed(event) {
    const { copying, key, lines: { scroller }, outline, selection } = this.log;
    const isElsewhere = event.target.closest?.("input, select, textarea, dialog, .list") || document.querySelector("dialog[open]");
    if (!key || !outline || isElsewhere || event.altKey) return;
    const page = Math.max(1, Math.floor(scroller.inSight) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey) {
      if (event.shiftKey) return;
      if (event.key === "a") this.chooseAll();
      else if (event.key !== "c" || !selection.chosen || !getSelection().isCollapsed) return;
      else copying.copyChosen();
    } else if (event.shiftKey && event.key in steps) {
      this.extend(steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}
