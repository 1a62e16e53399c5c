// SPDX-License-Identifier: GPL-3.0-only
// The keyboard: which key does what, and the list of them under "?".

import { button, make } from "./dom.js";

/** Rows of [keys, what they do, action]; an action gets the event. Without an action it is only told. */
export function listenToKeys(rows) {
  const actions = new Map();
  for (const [keys, , action] of rows) if (action) for (const key of keys) actions.set(key, action);
  const help = helpOf(rows);
  actions.set("?", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const isTyping = event.target.closest("input, select, textarea");
    if (isTyping && event.key !== "Escape") return;
    const action = actions.get(event.key);
    if (!action) return;
    if (action(event) === false) return;
    event.preventDefault();
  });
  document.body.append(help);
  return button("?", "Keys (?)", () => help.showModal(), { class: "icon" });
}

const NAMES = { ArrowDown: "↓", ArrowUp: "↑", PageDown: "Page ↓", PageUp: "Page ↑", Escape: "Esc", F: "Shift+F", L: "Shift+L", E: "Shift+E", N: "Shift+N", G: "Shift+G", C: "Shift+C" };

function helpOf(rows) {
  const list = rows.map(([keys, text]) =>
    make("tr", {}, make("th", { scope: "row" }, ...keys.flatMap((key) => [make("kbd", {}, NAMES[key] ?? key), " "])), make("td", {}, text)),
  );
  const dialog = make("dialog", { class: "keys", "aria-label": "Keys" }, make("h2", {}, "Keys"), make("table", {}, make("tbody", {}, ...list)));
  dialog.append(button("Close", "Close", () => dialog.close()));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}
