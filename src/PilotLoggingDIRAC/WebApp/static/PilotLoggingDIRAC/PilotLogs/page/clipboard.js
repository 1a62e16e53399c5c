// SPDX-License-Identifier: GPL-3.0-only
// Text into the clipboard, also such as has to be fetched first.

import { say, tell } from "./notices.js";

/**
 * Put a text into the clipboard, and say so.
 *
 * @param text a text, or the promise of one, asked for in the same moment as the person pressed a key or a button: later
 *   browsers do not allow it any more
 * @param what told when it is done: a sentence's beginning, or a function that gives the sentence
 */
export async function copy(text, what) {
  let failure = null;
  const wanted = Promise.resolve(text).catch((error) => {
    failure = error;
    throw error;
  });
  const blob = wanted.then((value) => new Blob([value], { type: "text/plain" }));
  blob.catch(() => undefined); // told below
  try {
    if (typeof text === "string" || !window.ClipboardItem) await navigator.clipboard.writeText(await wanted);
    else await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    say(typeof what === "string" ? `${what} is copied.` : what());
  } catch {
    if (failure) tell(failure);
    else say("This browser did not let it be copied.", "problem");
  }
}
