// No answer from the collector, or from the portal: one banner says so, and the page asks again by itself.

import { button, make } from "./dom.js";

const PAUSES = [3, 5, 10, 20, 30]; // seconds between one attempt and the next; the last one stays
const SLOW = 8000;
const LONGER = { outline: 20000, lines: 20000 }; // these may fetch a log from the archive

const failing = new Map(); // what was asked → why it failed
const waiting = new Map(); // a request that takes long → since when
const retries = new Set();
let attempts = 0;
let due = 0;
let isTrying = false;
let ticking;

const sentence = make("p", { role: "status" });
const countdown = make("span", { class: "countdown" });
const now = button("Try now", "Ask again at once", () => tryAgain());
const banner = make("section", { class: "away", "aria-label": "Connection", hidden: true }, sentence, countdown, now);

export function awayBanner() {
  return banner;
}

/** Call this when it is time to ask again; it asks for what it lacks, and for nothing else. */
export function onRetry(call) {
  retries.add(call);
}

/** Whether answers are waited for: who asks from time to time need not then. */
export function isAway() {
  return failing.size > 0 || isTrying || waiting.size > 0;
}

/** Something was asked in vain. */
export function noteFailure(what, why) {
  failing.set(what, why);
  if (!due && !isTrying) schedule();
  show();
}

/** Something was answered. */
export function noteAnswer(what) {
  if (!failing.delete(what) || failing.size || isTrying) return;
  // It answers again: what else was not answered is asked for at once.
  setTimeout(() => !failing.size && tryAgain());
}

/** A request is on its way; gives what is to be called when it is over. */
export function noteRequest(what) {
  const name = {};
  const timer = setTimeout(() => {
    waiting.set(name, Date.now() - (LONGER[what] ?? SLOW));
    show();
  }, LONGER[what] ?? SLOW);
  return () => {
    clearTimeout(timer);
    if (waiting.delete(name)) show();
  };
}

function schedule() {
  due = Date.now() + 1000 * PAUSES[Math.min(attempts, PAUSES.length - 1)];
  attempts++;
}

async function tryAgain() {
  if (isTrying) return;
  isTrying = true;
  due = 0;
  const before = [...failing.values()];
  failing.clear();
  show(before[0]);
  await Promise.allSettled([...retries].map((call) => call()));
  isTrying = false;
  if (failing.size) schedule();
  else attempts = 0;
  show();
}

function show(why = [...failing.values()].at(-1)) {
  const hadFocus = banner.contains(document.activeElement);
  banner.hidden = !isAway();
  if (hadFocus && banner.hidden) document.querySelector("main a, main button")?.focus();
  if (why) say(why);
  else if (!failing.size && !isTrying && waiting.size) say("No answer yet: the collector is slow, or away. What is here stays.");
  now.disabled = isTrying || !failing.size;
  tick();
  clearInterval(ticking);
  if (!banner.hidden) ticking = setInterval(tick, 500);
}

/** Screen readers are told each sentence once. */
function say(text) {
  if (sentence.textContent !== text) sentence.textContent = text;
}

function tick() {
  if (isTrying) countdown.textContent = "Trying again …";
  else if (due) {
    const left = Math.ceil((due - Date.now()) / 1000);
    countdown.textContent = `Tries again in ${Math.max(0, left)} s.`;
    if (left <= 0) tryAgain();
  } else if (waiting.size) {
    countdown.textContent = `Waiting for ${Math.round((Date.now() - Math.min(...waiting.values())) / 1000)} s.`;
  }
}
