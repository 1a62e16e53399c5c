// SPDX-License-Identifier: GPL-3.0-only
// The list of logs below the filters: a page of it, or, for a text, what was found so far.

import { ask } from "./api.js";
import { isAway, onRetry } from "./connection.js";
import { conditionsOf, isNarrowed } from "./conditions.js";
import { linesOf, logsOf, number } from "./counts.js";
import { button, make } from "./dom.js";
import { explain } from "./explain.js";
import { makeHitsChart } from "./hits-chart.js";
import { limitOf } from "./limits.js";
import { tell } from "./notices.js";
import { makePager } from "./pager.js";
import { compareBy, keyOf, makeTable } from "./table.js";
import { clock } from "./times.js";

const PAGE = 100;
const REFRESH = 15000;
const ENOUGH_FOUND = 300;

/** The place of a page by its number, from 1. */
const byNumber = (page) => ({ start: page > 1 ? String((page - 1) * PAGE) : "", after: "" });

const isSearch = (place) => Boolean(place.text || place.like);

/**
 * Make the list.
 *
 * @param open called with a row, and a line's number where a line was chosen
 * @param change called with the parts of the place that are different now
 * @param link gives the address of a row, and of a line of it
 * @param loaded called with the rows that are shown now
 */
export function makeList(open, change, link, loaded) {
  const table = makeTable(open, (sort, order) => change({ sort, order, start: "", after: "" }), link);
  const summary = make("span", { class: "summary", role: "status" });
  const pager = makePager((page, isNext) => {
    change(isNext && following.after ? following : byNumber(page));
    following = {};
    frame.scrollTop = 0;
  });
  const go = button("Search on", "Look through more logs", () => searchOn());
  const note = make("p", { class: "note" });
  const empty = make("p", { class: "empty" });
  const wanted = make("p", { class: "wanted" });
  const order = make("p", { class: "order" });
  const chart = makeHitsChart();
  const results = make("section", { class: "results", "aria-label": "What was found", hidden: true }, wanted, order, chart.element);
  const frame = make("div", { class: "frame", tabIndex: -1 }, results, table.table, empty);
  const element = make(
    "section", { class: "list", "aria-label": "Logs" }, frame, note, make("footer", {}, summary, go, pager.element),
  );
  let place;
  let running = new AbortController();
  let isLoading = false;
  let search = null;
  let unanswered = null; // what is to be asked again
  let shownAt = 0;
  let following = {}; // the place of the next page: right behind what is shown, whatever has left the list meanwhile

  /** Do something that asks; one at a time. Rows stay while there is no answer. */
  async function during(work, quiet = false) {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    unanswered = null;
    isLoading = true;
    if (!quiet) element.classList.add("loading");
    try {
      await work(signal);
      if (!signal.aborted) shownAt = Date.now();
    } catch (error) {
      if (signal.aborted) return;
      if (error.passes) unanswered = work;
      else if ("status" in error) showEmpty(error.message, explain(error));
      tell(error);
    } finally {
      if (!signal.aborted) {
        isLoading = false;
        element.classList.remove("loading");
        showAge();
      }
    }
  }

  function showAge() {
    element.classList.toggle("stale", Boolean(unanswered));
    if (!unanswered) return;
    if (shownAt) note.textContent = `This is from ${clock(shownAt)} UTC; what is new comes when there is an answer.`;
    else showEmpty("The list comes as soon as there is an answer.");
  }

  const load = (quiet) => during(isSearch(place) ? searchAll : listPage, quiet);

  async function listPage(signal) {
    const start = Number(place.start || 0);
    const asked = { ...conditionsOf(place), sort: place.sort, order: place.order, start, after: place.after, limit: PAGE };
    const { rows, total, start: first = start, next } = await ask("list", asked, signal);
    if (!rows.length && total) {
      // There are fewer by now.
      change(byNumber(Math.ceil(total / PAGE)));
      return;
    }
    search = null;
    results.hidden = true;
    table.show(rows.map((row) => ({ row })), place);
    const last = first + rows.length;
    following = next ? { start: String(last), after: next } : {};
    summary.textContent = total ? `${number(first + 1)} to ${number(last)} of ${logsOf(total)}` : "";
    const isQuick = !place.sort || limitOf("quickSorts").includes(place.sort);
    const reached = isQuick ? total : Math.min(total, limitOf("deepestSort") + PAGE);
    const pages = Math.ceil(reached / PAGE);
    const page = Math.min(Math.floor(first / PAGE) + 1, pages);
    pager.show(page, pages, Math.min(Math.ceil(first / PAGE), pages), next || (next === undefined && page < pages) ? page + 1 : 0);
    go.hidden = true;
    note.textContent = "";
    showEmpty(total ? "" : isNarrowed(place) ? "No log fits these filters." : "There are no logs yet. They come when the first pilot with remote logging starts.");
    loaded(rows);
  }

  /** One call after the other, each bounded, until all is looked through or enough was found. */
  async function searchAll(signal) {
    search = { found: new Map(), cursor: "", lines: 0, looked: 0, total: 0, pattern: "" };
    pager.show(1, 1);
    showFound();
    showEmpty("");
    note.textContent = summary.textContent = "";
    go.hidden = true;
    await searchSome(signal);
  }

  async function searchSome(signal) {
    const limit = search.lines + ENOUGH_FOUND;
    let answer;
    do {
      answer = await ask("search", { ...conditionsOf(place), text: place.text, like: place.like, cursor: search.cursor, limit: 200 }, signal);
      for (const found of answer.found) {
        const key = keyOf(found.row);
        const before = search.found.get(key);
        search.found.set(key, before ? { ...found, lines: [...before.lines, ...found.lines] } : found);
        search.lines += found.lines.length;
      }
      // Of a log that only its archive has, nothing was looked at.
      Object.assign(search, { cursor: answer.cursor, pattern: answer.pattern, looked: answer.looked - answer.archived, total: answer.total, done: answer.done });
      showFound();
      summary.textContent = `${linesOf(search.lines)} in ${logsOf(search.found.size)}; searched ${number(search.looked)} of ${logsOf(search.total)}`;
      note.textContent = answer.sentence ?? "";
      showEmpty(answer.done && !search.lines ? nothingFound() : "");
    } while (!answer.done && search.lines < limit && !signal.aborted);
    go.hidden = answer.done;
  }

  /** To have looked at nothing is not to have found nothing. */
  function nothingFound() {
    if (!search.total) return "Nothing was searched: no log fits these filters.";
    if (!search.looked) return "Nothing was searched: the text of these logs is in the archive only.";
    const what = place.like ? "says that" : "has that text";
    return `Nothing was found: no line of ${search.looked === 1 ? "this log" : `these ${logsOf(search.looked)}`} ${what}.`;
  }

  function showFound() {
    const found = [...search.found.values()];
    if (place.sort) found.sort(compareBy(place.sort, place.order));
    table.show(found, place);
    results.hidden = !place.like && !found.length;
    wanted.hidden = !place.like;
    wanted.replaceChildren(
      "Lines that say: ", make("code", {}, search.pattern || place.like), " ",
      button("×", "Do not look for this any more", () => change({ like: "" }), { class: "small" }),
    );
    const how = place.sort ? `Sorted by ${place.sort}, ${place.order === "ASC" ? "ascending" : "descending"}` : "The log that began last comes first";
    order.textContent = `${how}${search.done ? "" : ", of what was found so far"}. Of each log its first lines, in their order.`;
    order.hidden = !found.length;
    chart.show(found);
    loaded(found.map(({ row }) => row));
  }

  const searchOn = () => during(searchSome);

  function showEmpty(sentence, content = [sentence]) {
    empty.replaceChildren(...content);
    empty.hidden = !sentence;
    table.table.hidden = Boolean(sentence);
    if (sentence && !place.like) results.hidden = true;
  }

  let asked = "";
  setInterval(() => {
    const isWatched = !document.hidden && place && !isSearch(place) && !place.start;
    if (isWatched && !isLoading && !isAway()) load(true);
  }, REFRESH);
  onRetry(() => (unanswered ? during(search && unanswered !== listPage && search.looked ? searchSome : unanswered) : null));

  return {
    element,
    table,
    pager,
    refresh: () => load(false),
    show(next) {
      const before = place;
      place = next;
      table.choose(place.log ? `${place.logvo}/${place.log}` : "");
      const { start, after, text, like, sort, order: direction } = place;
      // Without the present time, which is in the conditions of "the last hour". What was found is sorted here.
      const isSorted = isSearch(place) && search && !unanswered;
      const now = JSON.stringify([conditionsOf(place, 0), start, after, text, like, ...(isSearch(place) ? [] : [sort, direction])]);
      if (now !== asked) {
        following = {};
        load(false);
      } else if (isSorted && (before.sort !== sort || before.order !== direction)) showFound();
      asked = now;
    },
  };
}
