// SPDX-License-Identifier: GPL-3.0-only
// The list of logs: a table whose heads sort, and whose rows are links to a log.

import { make } from "./dom.js";
import { escapeControls } from "./escape-controls.js";
import { FACTS } from "./facts.js";
import { messageOf } from "./last-state.js";
import { marked } from "./line.js";
import { badge } from "./state.js";
import { bothTimes, instant, moment, span } from "./times.js";

const COLUMNS = [
  { sort: "State", text: "State", cell: (row) => badge(row, make) },
  { sort: "Stamp", text: "Pilot", cell: (row, href) => pilot(row, href), kind: "pilot" },
  { sort: "VO", text: "VO", cell: (row) => row.VO, kind: "vo" },
  ...FACTS.map(({ column, word, head }) => ({ sort: column, text: head, cell: (row) => escapeControls(row[column]) || "–", kind: word })),
  { sort: "FirstArrival", text: "First line", cell: (row) => time(row.FirstArrival), kind: "first" },
  { sort: "LastArrival", text: "Last line", cell: (row) => age(row.LastArrival), kind: "last" },
  { sort: "Lines", text: "Lines", cell: (row) => count(row.Lines), kind: "number lines" },
  { sort: "Warnings", text: "Warn", cell: (row) => count(row.Warnings, "warn"), kind: "number" },
  { sort: "Errors", text: "Errors", cell: (row) => count(row.Errors, "error"), kind: "number errors" },
];

function pilot(row, href) {
  const reference = escapeControls(row.PilotReference);
  return make(
    "a",
    { class: "open", href, tabIndex: -1, draggable: false, title: [row.Stamp, reference, escapeControls(row.PilotVersion)].filter(Boolean).join("\n") },
    make("code", {}, row.Stamp.slice(0, 8)),
    make("small", {}, reference ? shortened(reference) : row.Stamp.slice(8, 20)),
  );
}

/** The end of a reference tells pilots apart: its beginning is the CE. */
function shortened(reference) {
  const words = reference.split("/");
  return reference.length > 26 ? `…/${words.at(-1).slice(-24)}` : reference;
}

function time(text) {
  const at = instant(text);
  return make("time", { dateTime: text, title: bothTimes(at) }, moment(at));
}

function age(text) {
  const at = instant(text);
  return make("time", { dateTime: text, title: bothTimes(at) }, moment(at), make("small", {}, `${span(Date.now() - at)} ago`));
}

function count(number, kind = "") {
  return make("span", { class: number && kind ? `count ${kind}` : number ? "" : "nothing" }, number.toLocaleString("en"));
}

export const keyOf = (row) => `${row.VO}/${row.Stamp}`;

/** Of rows, as the collector would order them: what is empty comes first. */
export function compareBy(column, order) {
  const before = order === "ASC" ? -1 : 1;
  return ({ row: one }, { row: other }) => {
    const [left, right] = [one[column] ?? "", other[column] ?? ""];
    return left === right ? 0 : left < right ? before : -before;
  };
}

/**
 * Make the table.
 *
 * @param open called with a row, and a line's number where a line was chosen
 * @param sort called with a column and ASC or DESC
 * @param link gives the address of a row, and of a line of it
 */
export function makeTable(open, sort, link) {
  const heads = COLUMNS.map((column) => {
    const press = make("button", { type: "button", title: `Sort by ${column.text}` }, column.text);
    const head = make("th", { scope: "col", class: column.kind ?? "" }, press);
    press.addEventListener("click", () => {
      sort(column.sort, head.getAttribute("aria-sort") === "descending" ? "ASC" : "DESC");
    });
    return head;
  });
  const body = make("tbody");
  const table = make("table", { class: "logs" }, make("thead", {}, make("tr", {}, ...heads)), body);
  let rows = [];
  let word = "";
  let chosen = "";

  const linkOf = (key) => body.querySelector(`[data-key="${CSS.escape(key)}"] a.open`);

  function choose(line, isChosen) {
    line.classList.toggle("chosen", isChosen);
    const link = line.querySelector("a.open");
    if (isChosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }

  function rowOf(found) {
    const row = found.row;
    const href = link(row);
    const line = make(
      "tr", { data: { key: keyOf(row) } },
      ...COLUMNS.map((column) => make("td", { class: column.kind ?? "" }, column.cell(row, href))),
    );
    actAsLink(line, line.querySelector("a.open"), () => open(row));
    choose(line, keyOf(row) === chosen);
    return [line, ...(found.lines ?? []).map((hit) => hitOf(row, hit)), ...(found.more ? [moreOf(row)] : [])];
  }

  function hitOf(row, hit) {
    const text = make(
      "a", { href: link(row, hit.n), class: `hit ${hit.own ? (hit.level ?? "").toLowerCase() : ""}`, onclick: (event) => follow(event, () => open(row, hit.n)) },
      make("span", { class: "n" }, String(hit.n)), ...marked(messageOf(hit).slice(0, 400), word),
    );
    return make("tr", { class: "hits" }, make("td", { colSpan: COLUMNS.length }, text));
  }

  function moreOf(row) {
    return make("tr", { class: "hits" }, make("td", { colSpan: COLUMNS.length }, make("a", { class: "hit more", href: link(row), onclick: (event) => follow(event, () => open(row)) }, "… more in this log")));
  }

  return {
    table,
    /** Show what was found: {row, lines?, more?} each. */
    show(found, place) {
      rows = found.map((each) => each.row);
      word = place.text;
      const usual = word || place.like ? "FirstArrival" : "LastArrival";
      for (const [index, column] of COLUMNS.entries()) {
        const isSorted = column.sort === (place.sort || usual);
        if (isSorted) heads[index].setAttribute("aria-sort", place.order === "ASC" ? "ascending" : "descending");
        else heads[index].removeAttribute("aria-sort");
      }
      table.classList.toggle("many-vos", new Set(rows.map((row) => row.VO)).size > 1);
      const focused = body.contains(document.activeElement) && document.activeElement.closest("tr")?.dataset.key;
      body.replaceChildren(...found.flatMap(rowOf));
      const first = body.querySelector("a.open");
      if (first) (body.querySelector('[aria-current="true"]') ?? first).tabIndex = 0;
      if (focused) linkOf(focused)?.focus({ preventScroll: true });
    },
    choose(key) {
      chosen = key;
      for (const line of body.children) if (line.dataset.key) choose(line, line.dataset.key === key);
    },
    /** A row that somebody else knows better: the log beside the list. */
    update(row) {
      const place = rows.findIndex((each) => keyOf(each) === keyOf(row));
      const line = linkOf(keyOf(row))?.closest("tr");
      if (!line || rows[place].LastArrival > row.LastArrival) return;
      rows[place] = row;
      for (const [index, column] of COLUMNS.entries()) {
        if (column.kind === "pilot") continue; // the link has the focus, perhaps
        const [cell, now] = [line.cells[index], column.cell(row)];
        const isSame = cell.textContent === (now.textContent ?? now) && cell.firstElementChild?.className === now.className;
        if (!isSame) cell.replaceChildren(now);
      }
    },
    /** The row after or before the chosen one, for the keyboard. */
    neighbour(step) {
      const index = rows.findIndex((row) => keyOf(row) === chosen);
      return index < 0 ? rows[0] : rows[index + step];
    },
    /** Move the focus through the rows. */
    walk(step) {
      const lines = [...body.querySelectorAll("a.open")];
      const now = lines.indexOf(document.activeElement.closest("tr")?.querySelector("a.open"));
      const next = lines[Math.min(Math.max(now + step, 0), lines.length - 1)];
      for (const line of lines) line.tabIndex = line === next ? 0 : -1;
      next?.focus();
    },
    focused: () => rows.find((row) => keyOf(row) === document.activeElement?.closest("tr[data-key]")?.dataset.key),
  };
}

/** A click on a link that wants nothing but to go there. */
function follow(event, go) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go();
}

/**
 * Let a whole row act as its link does.
 *
 * The link covers the row only while another button than the first is pressed, so that the browser's own menu is a
 * link's; else nobody could mark a text with the mouse, or see what it tells of a cell.
 */
function actAsLink(line, link, go) {
  const another = () => window.open(link.href, "_blank", "noopener");
  line.addEventListener("click", (event) => {
    if (event.target.closest("a")) follow(event, go);
    else if (event.ctrlKey || event.metaKey) another(); // Firefox marks the cell with Ctrl
    else if (String(getSelection()).length) return; // it was to mark a text
    else if (event.shiftKey) another();
    else go();
  });
  line.addEventListener("pointerdown", (event) => line.classList.toggle("covered", event.button === 2));
  line.addEventListener("pointerleave", () => line.classList.remove("covered"));
  // A middle press would scroll.
  line.addEventListener("mousedown", (event) => event.button === 1 && !event.target.closest("a") && event.preventDefault());
  line.addEventListener("auxclick", (event) => event.button === 1 && !event.target.closest("a") && another());
}
