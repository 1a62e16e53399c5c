// SPDX-License-Identifier: GPL-3.0-only
// The page: filters and list, the chosen log beside them, and the address that says where the person is.

import { ask } from "./api.js";
import { awayBanner } from "./away.js";
import { copy } from "./clipboard.js";
import { onRetry } from "./connection.js";
import { button, make } from "./dom.js";
import { makeFilters } from "./filters.js";
import { listenToKeys } from "./keys.js";
import { lastMessage } from "./last-state.js";
import { limitOf } from "./limits.js";
import { makeList } from "./list.js";
import { LogView } from "./log.js";
import { noticePlace, say, tell } from "./notices.js";
import { addressOf, linkTo, readPlace, withoutLog, writePlace } from "./url-state.js";
import { switchTheme, themeButton } from "./theme.js";

const NOT_NARROWED = { show: "", pilot: [], host: [], text: "", like: "", range: "", since: "", until: "", vo: [], site: [], ce: [], exit: [], start: "", after: "" };

let place = readPlace();
const isFramed = window !== window.parent;

/** Go to another place; parts that are not named stay. A step can be taken back with the browser's "back". */
function go(parts, step) {
  place = { ...place, ...parts };
  writePlace(place, step);
  show();
}

/** Filters change: from the first page on. Null: none of them. */
function narrow(parts, step = true) {
  if (parts === null) {
    go(NOT_NARROWED, true);
    return true;
  }
  const isSame = Object.entries(parts).every(([name, value]) => String(place[name] ?? "") === String(value));
  if (!isSame) go({ start: "", after: "", ...parts }, step);
  return !isSame;
}

/** Where a row of the list leads to, or a line that was found in it. */
function leadTo(row, line) {
  const find = place.text && line ? place.text : "";
  return { ...withoutLog({}), log: row.Stamp, logvo: row.VO, line: line ? String(line) : "", find };
}

const open = (row, line) => go(leadTo(row, line), true);

/** Which lines of all logs say what this one says? */
function searchLike(line) {
  const message = lastMessage(line).trim();
  if (!message) return say("This line is empty.");
  // The beginning tells: what comes behind does not matter.
  return go({ ...withoutLog({}), ...NOT_NARROWED, sort: "", order: "", like: message.slice(0, limitOf("longestLike")) }, true);
}

const close = () => go(withoutLog({}), true);

const filters = makeFilters(narrow);
const list = makeList(open, narrow, (row, line) => linkTo({ ...place, ...leadTo(row, line) }), (rows) => log.polling.compare(rows));
const log = new LogView(
  (parts) => {
    place = { ...place, ...parts };
    writePlace(place);
  },
  (line) => linkTo({ ...withoutLog(place), log: place.log, logvo: place.logvo, line: line ? String(line) : "" }),
  close,
  (row) => list.table.update(row),
  searchLike,
);

function show() {
  document.body.classList.toggle("with-log", Boolean(place.log));
  document.title = place.log ? `${place.log.slice(0, 8)} · Pilot Logs` : "Pilot Logs";
  filters.show(place);
  list.show(place);
  log.show(place);
}

const inLog = (action) => () => (place.log && log.outline ? action() : false);
const inList = (step) => (event) => {
  if (place.log && log.outline && !event.target.closest(".list")) return log.choosing.chooseNext(step);
  return list.table.walk(step);
};

function hop(step) {
  const row = list.table.neighbour(step);
  if (row) open(row);
}

function escape(event) {
  if (event.target.matches("input")) event.target.blur();
  else if (log.selection.chosen && place.log) log.choosing.choose(0);
  else if (place.log) close();
}

const copyLink = () => copy(linkTo(place), "The link");

const keys = listenToKeys([
  [["/"], "Find a text: in the log, or in all logs of the list", () => (place.log ? log.finder.input : filters.text).focus()],
  [["j", "ArrowDown"], "Next line, or next log of the list", inList(1)],
  [["k", "ArrowUp"], "Line or log before", inList(-1)],
  [["Enter"], "Open the log", (event) => {
    const row = event.target.closest("tr") && list.table.focused();
    return row ? open(row) : false;
  }],
  [["]"], "Open the next log of the list", () => hop(1)],
  [["["], "Open the log before", () => hop(-1)],
  [["e"], "Next error", inLog(() => log.errors.goTo(1))],
  [["E"], "Error before", inLog(() => log.errors.goTo(-1))],
  [["F"], "First error", inLog(() => log.errors.goTo(0))],
  [["L"], "Last error", inLog(() => log.errors.goToLast())],
  [["n"], "Next line found", inLog(() => log.finder.step(1))],
  [["N"], "Line found before", inLog(() => log.finder.step(-1))],
  [["l"], "All lines, info, warnings, errors only", inLog(() => log.filter.turnLevel())],
  [["g", "Home"], "Beginning of the log", inLog(() => log.goToStart())],
  [["G", "End"], "End of the log", inLog(() => log.goToEnd())],
  [["PageDown", " "], "A page on", inLog(() => log.lines.scroller.moveBy(log.lines.scroller.inSight - 2))],
  [["PageUp"], "A page back", inLog(() => log.lines.scroller.moveBy(2 - log.lines.scroller.inSight))],
  [["w"], "Wrap long lines", inLog(() => log.wrap.turn())],
  [["Shift+↓", "Shift+↑"], "Choose more lines, or fewer; a click with Shift, too"],
  [["Ctrl+C"], "Copy the chosen lines as they stand in the log; of one, its whole message"],
  [["t"], "Live: follow the log as it grows", inLog(() => log.following.follow(!log.following.isOn))],
  [["c"], "Copy a link to the chosen line", inLog(() => log.detail.copyLink())],
  [["C"], "Copy a link to what is shown, for others", copyLink],
  [["s"], "Search all logs for what the chosen line says", inLog(() => (log.detail.line ? searchLike(log.detail.line) : false))],
  [["<"], "The page of the list before", () => list.pager.turnBy(-1)],
  [[">"], "The next page of the list", () => list.pager.turnBy(1)],
  [["r"], "Load the list anew", () => list.refresh()],
  [["d"], "Light or dark", switchTheme],
  [["Escape"], "Leave the field, the line, the log", escape],
]);

/** Where there is little room the filters are shown when they are asked for. */
const foldFilters = make("button", { type: "button", class: "fold-filters", "aria-expanded": "false", onclick: () => {
  const isOpen = foldFilters.closest(".bar").classList.toggle("unfolded");
  foldFilters.setAttribute("aria-expanded", String(isOpen));
} }, "Filters");

const { user, group } = document.body.dataset;
document.body.append(
  make(
    "header", { class: "bar" },
    make("h1", {}, "Pilot Logs"), filters.form,
    foldFilters,
    make("span", { class: "who", title: `${user} in group ${group}` }, group),
    isFramed ? make("a", { class: "button icon", href: location.href, target: "_blank", title: "Open in a tab of its own", "aria-label": "Open in a tab of its own", onclick: (event) => (event.currentTarget.href = addressOf(place)) }, "↗") : null,
    button("Link", "Copy a link to what is shown: it works for all who may read these logs (C)", copyLink),
    button("↻", "Load the list anew (r)", () => list.refresh(), { class: "icon" }),
    themeButton(), keys,
  ),
  awayBanner(),
  make("main", {}, list.element, log.element),
  noticePlace(),
);

let unopened = "";
onRetry(() => {
  const wanted = unopened;
  unopened = "";
  return wanted ? openByReference(wanted) : null;
});

/** PilotMonitor knows a pilot by its reference only. */
async function openByReference(reference) {
  try {
    const { stamp, vo } = await ask("pilot", { reference });
    open({ Stamp: stamp, VO: vo });
  } catch (error) {
    if (error.passes) unopened = reference;
    tell(error);
    go({ pilot: [reference] });
  }
}

addEventListener("popstate", () => {
  place = readPlace();
  show();
});
addEventListener("unhandledrejection", (event) => tell(event.reason));

const reference = new URLSearchParams(location.search).get("reference");
show();
if (reference) openByReference(reference);
else if (place.line && !place.log) say("The link names a line, but no log.");
