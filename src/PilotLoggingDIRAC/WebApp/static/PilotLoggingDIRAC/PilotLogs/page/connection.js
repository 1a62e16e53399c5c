// SPDX-License-Identifier: GPL-3.0-only
// Whether the collector, and the portal, answer. What was asked in vain is asked again, by those who lack it.

const PAUSES = [3, 5, 10, 20, 30]; // seconds between one attempt and the next; the last one stays
const SLOW = 8000;
const LONGER = { outline: 20000, lines: 20000 }; // these may fetch a log from the archive

/** How it is now, for who shows it. */
export const connection = {
  failing: new Map(), // what was asked → why it failed
  waiting: new Map(), // a request that takes long → since when
  due: 0, // when the next attempt is to be made
  isTrying: false,
};
const { failing, waiting } = connection;
const retries = new Set();
let attempts = 0;
let changed = () => undefined;

/** Be called at each change, with a failure's sentence where there is one to be told. */
export function watchConnection(call) {
  changed = call;
}

/** Call this when it is time to ask again; it asks for what it lacks, and for nothing else. */
export function onRetry(call) {
  retries.add(call);
}

/** Whether answers are waited for: who asks from time to time need not then. */
export function isAway() {
  return failing.size > 0 || connection.isTrying || waiting.size > 0;
}

/** Something was asked in vain. */
export function noteFailure(what, why) {
  failing.set(what, why);
  if (!connection.due && !connection.isTrying) schedule();
  changed();
}

/** Something was answered. */
export function noteAnswer(what) {
  if (!failing.delete(what) || failing.size || connection.isTrying) return;
  // It answers again: what else was not answered is asked for at once.
  setTimeout(() => !failing.size && tryAgain());
}

/** A request is on its way; gives what is to be called when it is over. */
export function noteRequest(what) {
  const name = {};
  const timer = setTimeout(() => {
    waiting.set(name, Date.now() - (LONGER[what] ?? SLOW));
    changed();
  }, LONGER[what] ?? SLOW);
  return () => {
    clearTimeout(timer);
    if (waiting.delete(name)) changed();
  };
}

function schedule() {
  connection.due = Date.now() + 1000 * PAUSES[Math.min(attempts, PAUSES.length - 1)];
  attempts++;
}

export async function tryAgain() {
  if (connection.isTrying) return;
  connection.isTrying = true;
  connection.due = 0;
  const before = [...failing.values()];
  failing.clear();
  changed(before[0]);
  await Promise.allSettled([...retries].map((call) => call()));
  connection.isTrying = false;
  if (failing.size) schedule();
  else attempts = 0;
  changed();
}
