// The list of logs: a table whose heads sort, and whose rows open a log.

import { make } from "./dom.js";
import { harmless } from "./harmless.js";
import { marked } from "./line.js";
import { badge } from "./state.js";
import { bothTimes, instant, moment, span } from "./times.js";

const COLUMNS = [
  { sort: "State", text: "State", cell: (row) => badge(row, make) },
  { sort: "Stamp", text: "Pilot", cell: pilot, kind: "pilot" },
  { sort: "VO", text: "VO", cell: (row) => row.VO, kind: "vo" },
  { sort: "Site", text: "Site", cell: (row) => harmless(row.Site) || "–", kind: "site" },
  { sort: "CE", text: "CE", cell: (row) => harmless(row.CE) || "–", kind: "ce" },
  { sort: "Host", text: "Host", cell: (row) => harmless(row.Host) || "–", kind: "host" },
  { sort: "FirstArrival", text: "First line", cell: (row) => time(row.FirstArrival), kind: "first" },
  { sort: "LastArrival", text: "Last line", cell: (row) => age(row.LastArrival), kind: "last" },
  { sort: "Lines", text: "Lines", cell: (row) => count(row.Lines), kind: "number lines" },
  { sort: "Warnings", text: "Warn", cell: (row) => count(row.Warnings, "warn"), kind: "number" },
  { sort: "Errors", text: "Errors", cell: (row) => count(row.Errors, "error"), kind: "number errors" },
];

function pilot(row) {
  const reference = harmless(row.PilotReference);
  return make(
    "span",
    { title: [row.Stamp, reference, harmless(row.PilotVersion)].filter(Boolean).join("\n") },
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

/**
 * Make the table.
 *
 * @param open called with a row, and a line's number where a line was chosen
 * @param sort called with a column and ASC or DESC
 */
export function makeTable(open, sort) {
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

  function rowOf(found) {
    const row = found.row;
    const line = make(
      "tr",
      { tabIndex: -1, data: { key: keyOf(row) }, onclick: (event) => !isSelecting(event) && open(row) },
      ...COLUMNS.map((column) => make("td", { class: column.kind ?? "" }, column.cell(row))),
    );
    line.setAttribute("aria-selected", String(keyOf(row) === chosen));
    return [line, ...(found.lines ?? []).map((hit) => hitOf(row, hit)), ...(found.more ? [moreOf(row)] : [])];
  }

  function hitOf(row, hit) {
    const text = make(
      "button", { type: "button", class: `hit ${hit.own ? (hit.level ?? "").toLowerCase() : ""}`, onclick: () => open(row, hit.n) },
      make("span", { class: "n" }, String(hit.n)), ...marked(harmless(hit.text.slice(hit.own ? hit.at : 0)).slice(0, 400), word),
    );
    return make("tr", { class: "hits" }, make("td", { colSpan: COLUMNS.length }, text));
  }

  function moreOf(row) {
    return make("tr", { class: "hits" }, make("td", { colSpan: COLUMNS.length }, make("button", { type: "button", class: "hit more", onclick: () => open(row) }, "… more in this log")));
  }

  return {
    table,
    /** Show what was found: {row, lines?, more?} each. */
    show(found, place) {
      rows = found.map((each) => each.row);
      word = place.text;
      for (const [index, column] of COLUMNS.entries()) {
        const isSorted = !word && column.sort === (place.sort || "LastArrival");
        if (isSorted) heads[index].setAttribute("aria-sort", place.order === "ASC" ? "ascending" : "descending");
        else heads[index].removeAttribute("aria-sort");
      }
      table.classList.toggle("many-vos", new Set(rows.map((row) => row.VO)).size > 1);
      const focused = body.contains(document.activeElement) && document.activeElement.closest("tr")?.dataset.key;
      body.replaceChildren(...found.flatMap(rowOf));
      const first = body.querySelector("tr[data-key]");
      if (first) (body.querySelector('[aria-selected="true"]') ?? first).tabIndex = 0;
      if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    },
    choose(key) {
      chosen = key;
      for (const line of body.children) {
        if (line.dataset.key) line.setAttribute("aria-selected", String(line.dataset.key === key));
      }
    },
    /** The row after or before the chosen one, for the keyboard. */
    neighbour(step) {
      const index = rows.findIndex((row) => keyOf(row) === chosen);
      return index < 0 ? rows[0] : rows[index + step];
    },
    /** Move the focus through the rows. */
    walk(step) {
      const lines = [...body.querySelectorAll("tr[data-key]")];
      const now = lines.indexOf(document.activeElement.closest("tr"));
      const next = lines[Math.min(Math.max(now + step, 0), lines.length - 1)];
      for (const line of lines) line.tabIndex = line === next ? 0 : -1;
      next?.focus();
    },
    focused: () => rows.find((row) => keyOf(row) === document.activeElement?.closest("tr[data-key]")?.dataset.key),
  };
}

/** Whoever marks a text with the mouse does not want to open the row. */
function isSelecting(event) {
  return event.target.closest("button, a") || String(getSelection()).length > 0;
}
