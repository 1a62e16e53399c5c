// SPDX-License-Identifier: GPL-3.0-only
// The levels of lines, as pilots and DIRAC's commands write them, in four kinds.

export const KINDS = ["error", "warn", "info", "debug", "none"];

const KIND_OF = {
  FATAL: "error", CRITICAL: "error", ERROR: "error", EXCEPTION: "error",
  WARN: "warn", WARNING: "warn",
  INFO: "info", NOTICE: "info", ALWAYS: "info",
  DEBUG: "debug", VERBOSE: "debug",
};

/** "error", "warn", "info", "debug", or "none" for a line without a level. */
export function kindOf(level) {
  return level ? KIND_OF[level.toUpperCase()] ?? "info" : "none";
}

export const CHOICES = [
  ["", "All lines"],
  ["info", "Info and above"],
  ["warn", "Warnings and errors"],
  ["error", "Errors only"],
];

const FROM = { info: ["INFO", "WARN", "ERROR"], warn: ["WARN", "ERROR"], error: ["ERROR"] };

/** The levels that a choice shows, as the collector names them; none for all lines. */
export function levelsFrom(choice) {
  return FROM[choice] ?? [];
}
