// SPDX-License-Identifier: GPL-3.0-only
// On paper: the head of the log, and the chosen lines or those in sight, as they stand in the log.

import { make } from "./dom.js";
import { wholeOf } from "./last-state.js";
import { kindOf } from "./levels.js";

const MOST_PRINTED = 5000;

/**
 * Put the lines into an element while the page is printed.
 *
 * @param rows gives {first, last, at, get}: the rows to print, what stands in one, a line by its number
 */
export function printRows(element, rows) {
  const fill = () => {
    const { first, last, at, get } = rows();
    const end = Math.min(last, first + MOST_PRINTED - 1);
    const printed = [];
    let missing = last - end;
    for (let row = first; row <= end; row++) {
      const { n, mark } = at(row);
      const line = n && get(n);
      if (mark) printed.push(make("div", { class: "line mark" }, mark.sentence));
      else if (line) printed.push(make("div", { class: `line ${kindOf(line.level)}` }, make("span", { class: "n" }, String(n)), make("span", {}, wholeOf(line))));
      else missing++;
    }
    if (missing > 0) printed.push(make("p", {}, `${missing.toLocaleString("en")} more lines were chosen that are not printed: the download has them.`));
    element.replaceChildren(...printed);
  };
  const empty = () => element.replaceChildren();
  addEventListener("beforeprint", fill);
  addEventListener("afterprint", empty);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? fill() : empty()));
}
