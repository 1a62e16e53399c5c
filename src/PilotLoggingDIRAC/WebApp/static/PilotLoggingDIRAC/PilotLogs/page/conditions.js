// From what a person chose in the filters to the conditions that the list is asked with.

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

/** A pilot by its whole stamp, by its reference (an address), or by a part of its stamp. */
function pilotBy(text) {
  const given = text.trim();
  if (!given) return {};
  if (STAMP.test(given)) return { stamp: given };
  return /^[0-9a-z-]{1,36}$/.test(given) && !/^[a-z-]+$/.test(given) ? { stampPart: given } : { referencePart: given };
}

/** The conditions of a place, for the portal's handler. */
export function conditionsOf(place, now = Date.now()) {
  const shown = SHOWN.find(([name]) => name === place.show) ?? SHOWN[0];
  const conditions = { ...shown[3], ...pilotBy(place.pilot), vo: place.vo, site: place.site, ce: place.ce, exit: place.exit };
  conditions.hostPart = place.host;
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
  return Object.values(conditionsOf(place)).some((value) => value && value.length) || Boolean(place.text);
}
