// SPDX-License-Identifier: GPL-3.0-only
// Tools in one row: those that do not fit fold into a menu at its end, the least important first.

import { make } from "./dom.js";

export class Toolbar {
  /**
   * @param label its name
   * @param tools [element, rank] each, in the order that they are shown in; the lowest rank folds first
   */
  constructor(label, tools) {
    this.tools = tools.map(([element]) => element);
    this.folding = [...tools].sort(([, one], [, other]) => one - other).map(([element]) => element);
    this.menu = make("div", { class: "menu" });
    this.more = make("details", { class: "more" }, make("summary", { class: "button icon", title: "More tools", "aria-label": "More tools" }, "⋯"), this.menu);
    this.element = make("div", { class: "tools", role: "toolbar", "aria-label": label }, ...this.tools, this.more);
    this.more.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.more.open) return;
      event.stopPropagation();
      this.more.open = false;
      this.more.firstElementChild.focus();
    });
    document.addEventListener("pointerdown", (event) => this.more.contains(event.target) || (this.more.open = false));
    const sizes = new ResizeObserver(() => this.fold());
    for (const element of [this.element, ...this.tools]) sizes.observe(element);
  }

  /** Put the tools where there is room for them; what somebody uses in the menu stays there. */
  fold() {
    if (!this.element.clientWidth || this.menu.contains(document.activeElement)) return;
    const folded = new Set();
    this.place(folded);
    for (const tool of this.folding) {
      if (this.fits) break;
      folded.add(tool);
      this.place(folded);
    }
  }

  get fits() {
    const end = this.element.getBoundingClientRect().right - parseFloat(getComputedStyle(this.element).paddingRight);
    return [...this.element.children].every((tool) => tool.getBoundingClientRect().right <= end + 1);
  }

  /** Only what has to is moved: a field that is moved loses the focus. */
  place(folded) {
    this.more.hidden = ![...folded].some((tool) => !tool.hidden);
    const behind = new Map([[this.element, this.more], [this.menu, null]]);
    for (const tool of [...this.tools].reverse()) {
      const parent = folded.has(tool) ? this.menu : this.element;
      const next = behind.get(parent);
      if (tool.parentElement !== parent || tool.nextElementSibling !== next) parent.insertBefore(tool, next);
      behind.set(parent, tool);
    }
  }
}
