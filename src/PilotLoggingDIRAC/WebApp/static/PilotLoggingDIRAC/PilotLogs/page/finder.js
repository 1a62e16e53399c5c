// SPDX-License-Identifier: GPL-3.0-only
// Search in the log: how many lines have a text, which is the next, and where they all are.

import { onRetry } from "./connection.js";
import { findAll } from "./find-all.js";
import { button, make, whenQuiet } from "./dom.js";
import { tell } from "./notices.js";
import { countBelow } from "./rows.js";

const TYPING = 300;
const MOST = 50000;

export class Finder {
  /**
   * @param changed called when the word or the lines found are others
   * @param go called with a line's number
   */
  constructor(changed, go) {
    this.changed = changed;
    this.go = go;
    this.numbers = [];
    this.isAll = true;
    this.at = 0;
    this.stopped = new AbortController();
    const later = whenQuiet(TYPING, () => this.search());
    this.input = make("input", {
      type: "search", placeholder: "Find in this log", "aria-label": "Find in this log", title: "Find in this log (/), then n and N",
      autocomplete: "off", spellcheck: false, maxLength: 250, oninput: later,
      onkeydown: (event) => {
        if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
        if (event.key === "Escape" && this.input.value) {
          event.stopPropagation();
          this.clear();
        }
      },
    });
    this.count = make("output", { class: "found", role: "status" });
    this.isUnanswered = false;
    onRetry(() => (this.isUnanswered ? this.searchAgain() : null));
    this.element = make(
      "div", { class: "finder", role: "search" }, this.input, this.count,
      button("↑", "Previous line found (N)", () => this.step(-1), { class: "icon" }),
      button("↓", "Next line found (n)", () => this.step(1), { class: "icon" }),
    );
  }

  get word() {
    return this.input.value;
  }

  /** Look in another log, or with other conditions beside. */
  use(key, conditions, word = this.word) {
    this.key = key;
    this.conditions = conditions;
    this.input.value = word;
    this.searched = null;
    this.search(false);
  }

  clear() {
    this.input.value = "";
    this.search();
  }

  searchAgain() {
    this.searched = null;
    return this.search(false);
  }

  async search(jump = true) {
    if (this.word === this.searched) return;
    this.searched = this.word;
    this.isUnanswered = false;
    this.stopped.abort();
    this.stopped = new AbortController();
    this.numbers = [];
    this.isAll = !this.word;
    this.changed();
    this.tell();
    if (!this.word) return;
    let isFirst = jump;
    const came = (numbers, isAll) => {
      this.isAll = isAll;
      this.changed();
      this.tell();
      if (isFirst && numbers.length) {
        isFirst = false;
        this.step(1, true);
      }
    };
    try {
      await findAll(this.key, { ...this.conditions, text: this.word, ignoreCase: "1" }, {
        most: MOST, numbers: this.numbers, signal: this.stopped.signal, came,
      });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.isUnanswered = Boolean(error.passes);
      this.isAll = !this.isUnanswered;
      this.tell();
      tell(error);
    }
  }

  /** Go to the next or the previous line found, seen from where the person is. */
  step(direction, include = false) {
    if (!this.numbers.length) return;
    const below = countBelow(this.numbers, this.at + (direction > 0 && !include ? 1 : 0));
    const index = direction > 0 ? below : below - 1;
    const around = (index + this.numbers.length) % this.numbers.length;
    this.at = this.numbers[around];
    this.tell();
    this.go(this.at);
  }

  tell() {
    if (!this.word) {
      this.count.textContent = "";
      return;
    }
    const place = countBelow(this.numbers, this.at);
    const number = this.numbers[place] === this.at ? (place + 1).toLocaleString("en") : "–";
    const total = this.numbers.length.toLocaleString("en") + (this.isAll ? "" : "+");
    this.count.textContent = this.numbers.length ? `${number} / ${total}` : this.isAll ? "no line" : "…";
  }
}
