// SPDX-License-Identifier: GPL-3.0-only
// From error to error in the log, and how many there are.

import { ask } from "./api.js";
import { button, make } from "./dom.js";
import { say, tell } from "./notices.js";
import { countBelow } from "./rows.js";

export class ErrorNavigation {
  /** @param log the view whose errors these are */
  constructor(log) {
    this.log = log;
    this.count = make("span", { class: "errors" });
    this.first = button("First error", "The first error (Shift+F)", () => this.goTo(0));
    this.last = button("Last error", "The last error (Shift+L)", () => this.goToLast());
    this.steps = make(
      "span", { class: "group" },
      button("↑", "Previous error (E)", () => this.goTo(-1), { class: "icon" }),
      button("↓", "Next error (e)", () => this.goTo(1), { class: "icon" }),
    );
  }

  /** 0: the first error; 1: the next; -1: the one before. */
  async goTo(direction) {
    const { choosing, outline, selection } = this.log;
    const { total, lines } = outline.errors;
    if (!total) {
      say("This log has no errors.");
      return;
    }
    const here = direction === 0 ? 0 : selection.chosen || this.log.lines.firstInSight;
    const index = direction < 0 ? countBelow(lines, here) - 1 : countBelow(lines, here + (selection.chosen || !direction ? 1 : 0));
    if (index in lines) {
      choosing.choose(lines[index]);
    } else if (direction > 0 && total > lines.length) {
      await this.findNext(Math.max(here, lines.at(-1)) + 1);
    } else {
      say(direction < 0 ? "There is no error before this line." : "There is no error behind this line.");
    }
  }

  goToLast() {
    const { lines } = this.log.outline.errors;
    if (lines.length) this.log.choosing.choose(lines.at(-1));
    else say("This log has no errors.");
  }

  /** Of a log with more errors than its outline lists. */
  async findNext(first) {
    const { choosing, key, stopped } = this.log;
    try {
      let next = first;
      for (;;) {
        const answer = await ask("find", { ...key, level: "ERROR", own: "1", first: next, limit: 1 }, stopped.signal);
        if (answer.numbers.length) return choosing.choose(answer.numbers[0]);
        if (answer.done) return say("There is no error behind this line.");
        next = answer.next;
      }
    } catch (error) {
      return tell(error);
    }
  }

  tellCount() {
    const { total, lines } = this.log.outline?.errors ?? { total: 0, lines: [] };
    const { chosen } = this.log.selection;
    const at = chosen ? lines.indexOf(chosen) : -1;
    const many = total.toLocaleString("en");
    this.count.textContent = total ? (at >= 0 ? `${at + 1} of ${many}` : `${many} error${total > 1 ? "s" : ""}`) : "no errors";
    this.count.classList.toggle("some", total > 0);
  }
}
