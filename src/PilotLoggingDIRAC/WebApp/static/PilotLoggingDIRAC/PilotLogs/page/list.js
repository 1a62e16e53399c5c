// The list of logs below the filters: a page of it, or, for a text, what was found so far.

import { ask } from "./api.js";
import { conditionsOf, isNarrowed } from "./conditions.js";
import { button, make } from "./dom.js";
import { tell } from "./notices.js";
import { makeTable } from "./table.js";

const PAGE = 100;
const REFRESH = 15000;
const ENOUGH_FOUND = 300;

/**
 * Make the list.
 *
 * @param open called with a row, and a line's number where a line was chosen
 * @param change called with the parts of the place that are different now
 */
export function makeList(open, change) {
  const table = makeTable(open, (sort, order) => change({ sort, order, start: "" }));
  const summary = make("span", { class: "summary", role: "status" });
  const newer = button("‹", "The page before", () => turn(-PAGE));
  const older = button("›", "The next page", () => turn(PAGE));
  const go = button("Search on", "Look through more logs", () => searchOn());
  const note = make("p", { class: "note" });
  const empty = make("p", { class: "empty" });
  const frame = make("div", { class: "frame", tabIndex: -1 }, table.table, empty);
  const element = make(
    "section", { class: "list", "aria-label": "Logs" }, frame, note, make("footer", {}, summary, go, newer, older),
  );
  let place;
  let running = new AbortController();
  let search = null;

  function turn(step) {
    const start = Math.max(0, Number(place.start || 0) + step);
    change({ start: start ? String(start) : "" });
    frame.scrollTop = 0;
  }

  async function load(quiet) {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    if (!quiet) element.classList.add("loading");
    try {
      if (place.text) await searchAll(signal);
      else await listPage(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!quiet) showEmpty(error.message);
      tell(error);
    } finally {
      if (!signal.aborted) element.classList.remove("loading");
    }
  }

  async function listPage(signal) {
    const start = Number(place.start || 0);
    const asked = { ...conditionsOf(place), sort: place.sort, order: place.order, start, limit: PAGE };
    const { rows, total } = await ask("list", asked, signal);
    table.show(rows.map((row) => ({ row })), place);
    const last = start + rows.length;
    summary.textContent = total ? `${(start + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${total.toLocaleString("en")} logs` : "";
    newer.disabled = start === 0;
    older.disabled = last >= total;
    newer.hidden = older.hidden = total <= PAGE;
    go.hidden = true;
    note.textContent = "";
    showEmpty(total ? "" : isNarrowed(place) ? "No log fits these filters." : "There are no logs yet. They come when the first pilot with remote logging starts.");
  }

  /** One call after the other, each bounded, until all is looked through or enough was found. */
  async function searchAll(signal) {
    search = { found: new Map(), cursor: "", lines: 0 };
    newer.hidden = older.hidden = true;
    table.show([], place);
    await searchSome(signal);
  }

  async function searchSome(signal) {
    const limit = search.lines + ENOUGH_FOUND;
    let answer;
    do {
      answer = await ask("search", { ...conditionsOf(place), text: place.text, cursor: search.cursor, limit: 200 }, signal);
      search.cursor = answer.cursor;
      for (const found of answer.found) {
        const key = `${found.row.VO}/${found.row.Stamp}`;
        const before = search.found.get(key);
        search.found.set(key, before ? { ...found, lines: [...before.lines, ...found.lines] } : found);
        search.lines += found.lines.length;
      }
      table.show([...search.found.values()], place);
      const looked = `looked through ${answer.looked.toLocaleString("en")} of ${answer.total.toLocaleString("en")} logs`;
      summary.textContent = `${search.lines.toLocaleString("en")} lines in ${search.found.size.toLocaleString("en")} logs; ${looked}`;
      note.textContent = answer.sentence ?? "";
      showEmpty(answer.done && !search.lines ? "No line of these logs has that text." : "");
    } while (!answer.done && search.lines < limit && !signal.aborted);
    go.hidden = answer.done;
  }

  async function searchOn() {
    element.classList.add("loading");
    try {
      await searchSome(running.signal);
    } catch (error) {
      tell(error);
    } finally {
      element.classList.remove("loading");
    }
  }

  function showEmpty(sentence) {
    empty.textContent = sentence;
    empty.hidden = !sentence;
    table.table.hidden = Boolean(sentence);
  }

  let asked = "";
  setInterval(() => {
    const isWatched = !document.hidden && place && !place.text && !place.start;
    if (isWatched && !element.classList.contains("loading")) load(true);
  }, REFRESH);

  return {
    element,
    table,
    refresh: () => load(false),
    show(wanted) {
      place = wanted;
      table.choose(place.log ? `${place.logvo}/${place.log}` : "");
      const { sort, order, start, text } = place;
      // Without the present time, which is in the conditions of "the last hour".
      const now = JSON.stringify([conditionsOf(place, 0), sort, order, start, text]);
      if (now !== asked) load(false);
      asked = now;
    },
  };
}
