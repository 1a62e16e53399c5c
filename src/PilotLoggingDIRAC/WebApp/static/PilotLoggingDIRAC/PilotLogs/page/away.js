// SPDX-License-Identifier: GPL-3.0-only
// No answer from the collector, or from the portal: one banner says so, and when the page asks again by itself.

import { connection, isAway, tryAgain, watchConnection } from "./connection.js";
import { button, make } from "./dom.js";

const { failing, waiting } = connection;
let ticking;

const sentence = make("p", { role: "status" });
const countdown = make("span", { class: "countdown" });
const now = button("Try now", "Ask again at once", () => tryAgain());
const banner = make("section", { class: "away", "aria-label": "Connection", hidden: true }, sentence, countdown, now);
watchConnection(show);

export function awayBanner() {
  return banner;
}

function show(why = [...failing.values()].at(-1)) {
  const hadFocus = banner.contains(document.activeElement);
  banner.hidden = !isAway();
  if (hadFocus && banner.hidden) document.querySelector("main a, main button")?.focus();
  if (why) say(why);
  else if (!failing.size && !connection.isTrying && waiting.size) say("No answer yet: the collector is slow, or away. What is here stays.");
  now.disabled = connection.isTrying || !failing.size;
  tick();
  clearInterval(ticking);
  if (!banner.hidden) ticking = setInterval(tick, 500);
}

/** Screen readers are told each sentence once. */
function say(text) {
  if (sentence.textContent !== text) sentence.textContent = text;
}

function tick() {
  if (connection.isTrying) countdown.textContent = "Trying again …";
  else if (connection.due) {
    const left = Math.ceil((connection.due - Date.now()) / 1000);
    countdown.textContent = `Tries again in ${Math.max(0, left)} s.`;
    if (left <= 0) tryAgain();
  } else if (waiting.size) {
    countdown.textContent = `Waiting for ${Math.round((Date.now() - Math.min(...waiting.values())) / 1000)} s.`;
  }
}
