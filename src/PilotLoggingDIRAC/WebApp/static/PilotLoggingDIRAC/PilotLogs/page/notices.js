// SPDX-License-Identifier: GPL-3.0-only
// Sentences for the person: what went wrong, what was done. Read aloud by screen readers.

import { button, make } from "./dom.js";
import { explain } from "./explain.js";

const SHOWN_FOR = 6000;
let place;

export function noticePlace() {
  place = make("div", { class: "notices", role: "status", "aria-live": "polite" });
  return place;
}

/** Say something; a problem stays until it is closed, and is said once however often it comes. */
export function say(sentence, kind = "done", content = [sentence]) {
  for (const old of place.children) if (old.dataset.sentence === sentence) old.remove();
  const notice = make("p", { class: `notice ${kind}`, data: { sentence } }, make("span", {}, ...content));
  if (kind === "problem") notice.append(button("×", "Close", () => notice.remove()));
  else setTimeout(() => notice.remove(), SHOWN_FOR);
  place.append(notice);
}

/** Tell a failure; what is aborted was not wanted any more, and what may pass the banner tells. */
export function tell(error) {
  if (error.name === "AbortError" || error.passes) return;
  const content = explain(error);
  say(content[0], "problem", content);
  if (!("status" in error)) console.error(error);
}
