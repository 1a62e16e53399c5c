// SPDX-License-Identifier: GPL-3.0-only
// The chosen line below the others: both its times, its whole text, and what one can do with it.

import { copy } from "./clipboard.js";
import { button, make } from "./dom.js";
import { escapeControls } from "./escape-controls.js";
import { statesOf, wholeOf } from "./last-state.js";
import { kindOf } from "./levels.js";
import { bothTimes, instant } from "./times.js";

export class Detail {
  /**
   * @param link gives the link to the chosen line
   * @param copyText copies the chosen lines
   * @param search called with a line whose like is wanted in all logs
   */
  constructor(link, copyText, closed, search) {
    this.link = link;
    this.title = make("span", { class: "title", role: "status" });
    this.text = make("pre", { class: "whole", tabIndex: 0, dir: "ltr" });
    this.note = make("p", { class: "note" });
    this.search = button("Search all logs for this", "Lines of all logs that say the same: numbers, times, names and paths may differ (s)", () => search(this.line));
    this.states = button("All states", "What this line has said before it was written over, one state below the other", () => this.showStates());
    this.element = make(
      "aside",
      { class: "detail", "aria-label": "Chosen line", hidden: true },
      make(
        "header", {}, this.title, this.search, this.states,
        button("Copy link", "Copy a link to this line (c)", () => this.copyLink()),
        button("Copy text", "Copy the whole message with what follows it, or the chosen lines (Ctrl+C)", copyText),
        button("×", "Close (Escape)", closed, { class: "icon" }),
      ),
      this.text, this.note,
    );
  }

  show(line) {
    this.line = line;
    this.element.hidden = !line;
    if (!line) return;
    this.search.hidden = false;
    const at = instant(line.time);
    const level = line.level ? ` · ${line.level}` : "";
    const command = line.command ? ` · ${escapeControls(line.command)}` : "";
    const [time, local] = at === null ? [] : bothTimes(at).split("\n");
    this.title.replaceChildren(
      `Line ${line.n.toLocaleString("en")}${level}${command}${time ? ` · ${time}` : ""}`,
      make("span", { class: "local" }, local ? ` · ${local}` : ""), line.own ? "" : " (of its message)",
    );
    this.title.className = `title ${kindOf(line.level)}`;
    this.text.hidden = false;
    this.text.textContent = wholeOf(line);
    this.states.hidden = statesOf(line).length < 2;
    this.note.textContent = line.size ? `The line has ${line.size.toLocaleString("en")} bytes; here is its ${line.lastState ? "last state" : "beginning"}. The download has all of it.` : "";
  }

  showStates() {
    this.text.textContent = statesOf(this.line).join("\n");
    this.states.hidden = true;
  }

  /** Instead of one line: how many are chosen. */
  showRange(first, last, count) {
    this.line = null;
    this.search.hidden = this.states.hidden = true;
    this.element.hidden = false;
    this.title.textContent = `Lines ${first.toLocaleString("en")} to ${last.toLocaleString("en")} · ${count.toLocaleString("en")} chosen`;
    this.title.className = "title";
    this.text.hidden = true;
    this.note.textContent = "";
  }

  copyLink() {
    copy(this.link(), "The link");
  }
}
