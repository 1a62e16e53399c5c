// SPDX-License-Identifier: GPL-3.0-only
// The end of a log that grows is followed, or new lines are counted until somebody looks at them.

import { button, make } from "./dom.js";

export class Following {
  /** @param log the view whose end is followed */
  constructor(log) {
    this.log = log;
    this.isOn = false;
    this.live = make("button", { type: "button", class: "live", title: "Follow the log as it grows (t)", onclick: () => this.follow(!this.isOn) }, make("span", { class: "dot" }), "Live");
    this.fresh = button("", "Go to the newest line", () => this.follow(true), { class: "fresh", hidden: true });
  }

  /** As the person wants it: go to the end and stay there, or stay here. */
  follow(wanted) {
    const { choosing, isOpen, lines, selection } = this.log;
    if (wanted && selection.chosen) choosing.choose(0);
    this.set(wanted && isOpen);
    if (wanted) lines.scroller.moveTo(Infinity);
    else lines.scroller.letGo();
  }

  set(isOn) {
    this.isOn = isOn;
    this.live.setAttribute("aria-pressed", String(isOn));
    if (isOn || this.log.lines.scroller.isAtEnd) this.fresh.hidden = true;
  }

  /** A log that is closed cannot be followed. Its button's room stays: nothing moves under the mouse. */
  allow(isOpen) {
    this.live.classList.toggle("gone", !isOpen);
    this.live.disabled = !isOpen;
  }

  tellFresh(lines) {
    const unseen = (this.fresh.hidden ? 0 : Number(this.fresh.dataset.lines)) + lines;
    this.fresh.dataset.lines = unseen;
    this.fresh.textContent = `↓ ${unseen.toLocaleString("en")} new line${unseen > 1 ? "s" : ""}`;
    this.fresh.hidden = false;
  }
}
