// SPDX-License-Identifier: GPL-3.0-only
// Whether long lines are wrapped: as the person chose last; else where there is little room.

import { make } from "./dom.js";

const KEY = "pilot-logs-wrap";
const NARROW = "(max-width: 820px)";

export function isWrapped() {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept) return kept === "yes";
  } catch {
    // a browser that keeps nothing
  }
  return matchMedia(NARROW).matches;
}

/** For when the window becomes narrow or wide. */
function onWidthChange(call) {
  matchMedia(NARROW).addEventListener("change", call);
}

function keepWrapped(wanted) {
  try {
    localStorage.setItem(KEY, wanted ? "yes" : "no");
  } catch {
    // then it holds as long as the page
  }
}

/** The button "Wrap" for the lines in a scroller. */
export class WrapSwitch {
  constructor(scroller) {
    this.scroller = scroller;
    this.element = make("button", { type: "button", class: "wrap", title: "Wrap long lines (w)", onclick: () => this.turn() }, "Wrap");
    onWidthChange(() => this.set(isWrapped()));
  }

  turn() {
    keepWrapped(!this.scroller.isWrapped);
    this.set(!this.scroller.isWrapped);
  }

  set(wanted) {
    this.element.setAttribute("aria-pressed", String(wanted));
    this.scroller.setWrapped(wanted);
  }
}
