// SPDX-License-Identifier: GPL-3.0-only
// Light or dark: as the system says, until the person says otherwise.

import { button } from "./dom.js";

const KEY = "pilot-logs-theme";
const listeners = new Set();
const system = matchMedia("(prefers-color-scheme: dark)");

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function isDark() {
  return (stored() ?? (system.matches ? "dark" : "light")) === "dark";
}

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  for (const call of listeners) call();
}

export function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // then it holds for as long as the system's
  }
  apply();
}

/** For what is drawn: its colours come from the style. */
export function onThemeChange(call) {
  listeners.add(call);
}

export function themeButton() {
  system.addEventListener("change", apply);
  apply();
  return button("◐", "Light or dark (d)", switchTheme, { class: "icon" });
}
