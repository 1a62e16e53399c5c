// What a person can do about something that went wrong, beside the sentence that says what it was.

import { make } from "./dom.js";
import { addressOf, linkTo, readPlace, withoutLog } from "./url-state.js";

/** The sentence of a failure, and the way on where there is one: what an element is filled with. */
export function explain(error) {
  const sentence = error.message || "Something went wrong in this page.";
  const place = readPlace();
  if (error.status === 401 || error.status === 403) {
    return [sentence, " ", make("a", { href: linkTo(place) }, "Which of my groups may read this?")];
  }
  if (error.status === 404 && place.log) {
    const list = addressOf({ ...withoutLog(place), pilot: [place.log] });
    const reasons = " Its pilot has sent nothing, or only a part of the address was copied, or the log has been removed. ";
    return [sentence, reasons, make("a", { href: list }, "Look for it in the list")];
  }
  return [sentence];
}
