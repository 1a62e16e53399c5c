// SPDX-License-Identifier: GPL-3.0-only
// From what a person chose in the filters to the conditions that the list is asked with.

import { FACTS } from "./facts.js";

export const SHOWN = [
  ["", "All", "Every log", {}],
  ["running", "Running", "The pilot writes, or may still", { state: "Open" }],
  ["quiet", "Quiet", "No line for longer than is usual for its sender: gone, or busy", { quiet: "1" }],
  ["silent", "Silent", "Closed without a goodbye: killed, or cut off", { silent: "1" }],
  ["failed", "Failed", "Said goodbye with an exit code other than 0", { failed: "1" }],
  ["errors", "With errors", "At least one line of level ERROR or above", { errors: "1" }],
];

const SECONDS = { "15m": 15 * 60, "1h": 3600, "6h": 6 * 3600, "24h": 24 * 3600, "7d": 7 * 24 * 3600 };

export const RANGES = [
  ["", "Any time"],
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["6h", "Last 6 hours"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["own", "From … to …"],
];

const STAMP = /^(?:[0-9a-z]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Pilots by their whole stamps, which is quick, or by parts of stamp or reference. */
function pilotsBy(names) {
  const given = names.map((name) => name.trim()).filter(Boolean);
  const stamps = given.map((name) => name.toLowerCase());
  return stamps.every((name) => STAMP.test(name)) ? { stamp: stamps } : { pilotPart: given };
}

/** The conditions of a place, for the portal's handler. */
export function conditionsOf(place, now = Date.now()) {
  const shown = SHOWN.find(([name]) => name === place.show) ?? SHOWN[0];
  const conditions = { ...shown[3], ...pilotsBy(place.pilot), exit: place.exit };
  // Names by a part of them, in any case.
  for (const name of ["vo", ...FACTS.map(({ word }) => word)]) conditions[`${name}Part`] = place[name];
  if (place.range in SECONDS) conditions.since = new Date(now - 1000 * SECONDS[place.range]).toISOString();
  if (place.range === "own") Object.assign(conditions, { since: utc(place.since), until: utc(place.until) });
  return conditions;
}

/** What a field for date and time gives, which knows no zone, is meant as UTC. */
function utc(text) {
  return text ? `${text}Z` : "";
}

/** Whether the list is narrowed at all. */
export function isNarrowed(place) {
  return Object.values(conditionsOf(place)).some((value) => value && value.length) || Boolean(place.text || place.like);
}
