// SPDX-License-Identifier: GPL-3.0-only
// Pages by number: the first, the last, those around, and one step either way.

import { button, make } from "./dom.js";

const AROUND = 2;

/** The numbers that are shown; 0 for a gap. */
export function numbersAround(page, pages) {
  const numbers = [];
  for (let number = 1; number <= pages; number++) {
    const isNear = Math.abs(number - page) <= AROUND;
    // One number takes no more room than a gap.
    const closesGap = (number === 2 && page - AROUND === 3) || (number === pages - 1 && page + AROUND === pages - 2);
    if (number === 1 || number === pages || isNear || closesGap) numbers.push(number);
    else if (numbers.at(-1) !== 0) {
      numbers.push(0);
      number = number < page ? page - AROUND - 1 : pages - 1;
    }
  }
  return numbers;
}

/** @param turn called with the number of a page, from 1, and whether it is the one behind what is shown */
export function makePager(turn) {
  const before = button("‹", "The page before", () => step(-1), { class: "icon" });
  const after = button("›", "The next page", () => step(1), { class: "icon" });
  const numbers = make("span", { class: "numbers" });
  const element = make("nav", { class: "pager", "aria-label": "Pages", hidden: true }, before, numbers, after);
  let count = 1;
  let beside = { before: 0, after: 0 };

  /** Turn by one page, as far as there are pages. */
  function step(pages) {
    const wanted = pages < 0 ? beside.before : beside.after;
    if (element.hidden || !wanted) return false;
    // Who presses twice goes two pages.
    beside = { before: wanted - 1, after: wanted < count ? wanted + 1 : 0 };
    turn(wanted, pages > 0);
    return true;
  }

  return {
    element,
    turnBy: step,
    /** @param previous and following: the numbers of the pages beside what is shown; 0 for none */
    show(page, pages, previous = page - 1, following = page < pages ? page + 1 : 0) {
      [count, beside] = [pages, { before: previous, after: following }];
      element.hidden = pages < 2 && !previous && !following;
      const focused = numbers.contains(document.activeElement) ? document.activeElement.dataset.page : null;
      numbers.replaceChildren(
        ...numbersAround(page, pages).map((number) => {
          if (!number) return make("span", { class: "gap", "aria-hidden": "true" }, "…");
          return make(
            "button",
            { type: "button", class: "page", data: { page: number }, "aria-label": `Page ${number}`, "aria-current": number === page ? "page" : null, onclick: () => turn(number, false) },
            number.toLocaleString("en"),
          );
        }),
      );
      if (focused) (numbers.querySelector(`[data-page="${focused}"]`) ?? numbers.querySelector("[aria-current]")).focus();
      // A button that is disabled would lose the focus, and with it the keyboard's place.
      before.setAttribute("aria-disabled", String(!previous));
      after.setAttribute("aria-disabled", String(!following));
    },
  };
}
