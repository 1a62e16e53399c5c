// SPDX-License-Identifier: GPL-3.0-only
// Where the person is, in the page's address: filters, sort, page, log and line. A link shows the same to others.

import { FACTS } from "./facts.js";

const LISTS = ["pilot", "vo", ...FACTS.map(({ word }) => word), "exit"];
const SINGLE = ["show", "text", "like", "range", "since", "until", "sort", "order", "start", "after"];
const OF_LOG = ["log", "logvo", "line", "find", "level", "command"];

/** The place that the address names. */
export function readPlace() {
  const query = new URLSearchParams(location.search);
  const place = {};
  for (const name of LISTS) place[name] = query.getAll(name).filter(Boolean);
  for (const name of [...SINGLE, ...OF_LOG]) place[name] = query.get(name) ?? "";
  return place;
}

/** The address of a place. */
export function addressOf(place) {
  const query = new URLSearchParams();
  for (const name of LISTS) for (const value of place[name] ?? []) query.append(name, value);
  for (const name of [...SINGLE, ...OF_LOG]) if (place[name]) query.set(name, place[name]);
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "");
}

/** Note where the person is now; a step can be taken back with the browser's "back". */
export function writePlace(place, step = false) {
  const address = addressOf(place);
  if (address === location.pathname + location.search) return;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/**
 * The link that others are sent: without setup and group, so that the portal chooses a group of the reader's own that may
 * read this VO.
 */
export function linkTo(place) {
  const link = new URL(addressOf(place), location.href);
  link.pathname = link.pathname.replace(/(?:\/s:[\w-]*)?(?:\/g:[\w.-]*)?(?=\/PilotLogs\/page$)/, "");
  const { vo } = document.body.dataset;
  if (vo && !place.logvo && !place.vo.length) link.searchParams.set("homevo", vo);
  return link.href;
}

export function withoutLog(place) {
  return { ...place, ...Object.fromEntries(OF_LOG.map((name) => [name, ""])) };
}
