// SPDX-License-Identifier: GPL-3.0-only
// What a log's state means to a person.

import { clock, day, instant, span } from "./times.js";

/** {name, text, title}: name is for the style. */
export function stateOf(row) {
  if (!row) return { name: "ended", text: "archived", title: "Only its archive knows this log" };
  if (row.QuietSince) return { name: "quiet", text: `quiet ${span(1000 * row.QuietSeconds)}`, title: quietOf(row) };
  if (row.State === "Open") return { name: "running", text: "running", title: "The pilot writes, or may still" };
  if (row.Finalised === null) {
    return { name: "silent", text: "silent", title: "Closed without a goodbye: the pilot was killed, or cut off" };
  }
  if (row.ExitCode) return { name: "failed", text: `exit ${row.ExitCode}`, title: `The pilot said goodbye with exit code ${row.ExitCode}` };
  const code = row.ExitCode === 0 ? "exit 0" : "ended";
  return { name: "ended", text: code, title: "The pilot said goodbye" };
}

/** What is known of a log that is quiet, and no more: its pilot may be gone, or compute for hours. */
export function quietOf(row) {
  const since = instant(row.QuietSince);
  const usual = row.UsualSeconds;
  const often = usual < 1.5 ? "second" : span(1000 * usual);
  const known = usual === null ? "how often its sender usually sends is not known" : `its sender usually sends each ${often}`;
  return `No line since ${day(since)} ${clock(since)} UTC; ${known}. The pilot may be gone, or busy computing`;
}

export function badge(row, make) {
  const { name, text, title } = stateOf(row);
  return make("span", { class: `badge ${name}`, title }, text);
}
