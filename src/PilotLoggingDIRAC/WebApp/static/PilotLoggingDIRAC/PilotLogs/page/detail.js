// The chosen line below the others: both its times, its whole text, and what one can do with it.

import { button, make } from "./dom.js";
import { harmless } from "./harmless.js";
import { kindOf } from "./levels.js";
import { say } from "./notices.js";
import { bothTimes, instant } from "./times.js";

/** Put a text into the clipboard, and say so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} is copied.`);
  } catch {
    say(`This browser did not let ${what.toLowerCase()} be copied.`, "problem");
  }
}

export class Detail {
  /**
   * @param link gives the link to the chosen line
   * @param search called with a line whose like is wanted in all logs
   */
  constructor(link, closed, search) {
    this.link = link;
    this.title = make("span", { class: "title" });
    this.text = make("pre", { class: "whole", tabIndex: 0, dir: "ltr" });
    this.note = make("p", { class: "note" });
    this.element = make(
      "aside",
      { class: "detail", "aria-label": "Chosen line", hidden: true },
      make(
        "header", {}, this.title,
        button("Search all logs for this", "Lines of all logs that say the same: numbers, times, names and paths may differ (s)", () => search(this.line)),
        button("Copy link", "Copy a link to this line (c)", () => this.copyLink()),
        button("Copy text", "Copy the text of this line", () => copy(this.line.text, "The line")),
        button("×", "Close (Escape)", closed, { class: "icon" }),
      ),
      this.text, this.note,
    );
  }

  show(line) {
    this.line = line;
    this.element.hidden = !line;
    if (!line) return;
    const at = instant(line.time);
    const level = line.level ? ` · ${line.level}` : "";
    const command = line.command ? ` · ${harmless(line.command)}` : "";
    const time = at === null ? "" : ` · ${bothTimes(at).replace("\n", " · ")}`;
    this.title.textContent = `Line ${line.n.toLocaleString("en")}${level}${command}${time}${line.own ? "" : " (of its message)"}`;
    this.title.className = `title ${kindOf(line.level)}`;
    this.text.textContent = harmless(line.text);
    this.note.textContent = line.size ? `The line has ${line.size.toLocaleString("en")} bytes; here is its beginning. The download has all of it.` : "";
  }

  copyLink() {
    copy(this.link(), "The link");
  }
}
