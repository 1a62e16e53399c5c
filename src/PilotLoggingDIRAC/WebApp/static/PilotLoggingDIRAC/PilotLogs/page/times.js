// SPDX-License-Identifier: GPL-3.0-only
// Times are UTC, as pilots write them; the local time is what the mouse is told.

const two = (number) => String(number).padStart(2, "0");

/** Milliseconds since 1970 of an ISO time, or null. Microseconds are cut off. */
export function instant(text) {
  const time = text ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? null : time;
}

export function day(time) {
  return new Date(time).toISOString().slice(0, 10);
}

export function clock(time, milliseconds = false) {
  return new Date(time).toISOString().slice(11, milliseconds ? 23 : 19);
}

/** "2026-06-10 11:02 UTC", or with its seconds. */
export function moment(time, seconds = false) {
  return `${day(time)} ${clock(time).slice(0, seconds ? 8 : 5)} UTC`;
}

/** Both times, for a hover. */
export function bothTimes(time) {
  const at = new Date(time);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day(time)} ${clock(time, true)} UTC\n${local} local (${zone})`;
}

/** "5 min", "3 h": how long ago, or how long. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
