// What is known of the chosen log, and the one sentence that a shifter looks for first.

import { address } from "./api.js";
import { copy } from "./clipboard.js";
import { button, make } from "./dom.js";
import { escapeControls } from "./escape-controls.js";
import { badge, quietOf, stateOf } from "./state.js";
import { bothTimes, instant, moment, span } from "./times.js";

function fact(name, value, title = "") {
  return value ? make("span", { class: "fact", title }, make("small", {}, name), value) : null;
}

/** Of a log that is not here yet, or never will be. */
export function wantedHead(stamp, close) {
  return make(
    "header",
    { class: "head" },
    make(
      "div", { class: "name" },
      make("h2", {}, make("code", {}, stamp)),
      make("span", { class: "grow" }),
      button("×", "Back to the list (Escape)", close, { class: "icon" }),
    ),
  );
}

/**
 * Show who and where. Of the log that is there already only what may have changed: whoever is at a button stays there.
 *
 * @param place what the head stands in
 * @param fold the button that shows and hides the facts where there is little room
 */
export function showHead(place, outline, close, fold) {
  const head = place.firstElementChild;
  if (head?.dataset.key !== `${outline.vo}/${outline.stamp}`) {
    place.replaceChildren(headOf(outline, close, fold));
    return;
  }
  head.querySelector(".badge").replaceWith(badge(outline.row, make));
  head.querySelector(".facts").replaceWith(factsOf(outline));
}

function headOf(outline, close, fold) {
  const key = { stamp: outline.stamp, vo: outline.vo };
  return make(
    "header",
    { class: "head", data: { key: `${key.vo}/${key.stamp}` } },
    make(
      "div", { class: "name" },
      badge(outline.row, make),
      make("h2", {}, make("code", {}, outline.stamp)),
      button("Copy", "Copy the stamp", () => copy(outline.stamp, "The stamp"), { class: "small" }),
      make("span", { class: "grow" }), fold,
      make("a", { class: "button", href: address("download", key), download: "", title: "Download the whole log as text" }, "Download"),
      make("a", { class: "button", href: address("download", { ...key, gzip: "1" }), download: "", title: "Download the whole log, packed" }, ".gz"),
      button("×", "Back to the list (Escape)", close, { class: "icon" }),
    ),
    factsOf(outline),
  );
}

function factsOf(outline) {
  const { row } = outline;
  const reference = row ? escapeControls(row.PilotReference) : "";
  return make(
    "div", { class: "facts" },
    fact("VO", outline.vo),
    fact("Site", row && escapeControls(row.Site)), fact("CE", row && escapeControls(row.CE)), fact("Host", row && escapeControls(row.Host)),
    fact("Pilot", reference, reference),
    fact("Lines", linesOf(outline), "As in the list: lines that have ended"), fact("Size", sizeOf(outline.bytes)),
    row && fact("First", moment(instant(row.FirstArrival)), bothTimes(instant(row.FirstArrival))),
    row && fact("Last", moment(instant(row.LastArrival)), bothTimes(instant(row.LastArrival))),
  );
}

/** As the list counts them; of a log that was too long, less is here. */
function linesOf({ row, lines }) {
  const came = row?.Lines ?? lines;
  return row?.Truncated && lines < came ? `${came.toLocaleString("en")} (${lines.toLocaleString("en")} are kept)` : came.toLocaleString("en");
}

function sizeOf(bytes) {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1e6)} MB`;
}

/** How it went, in a sentence. */
export function verdictOf(outline) {
  const { row } = outline;
  const errors = outline.errors.total;
  const found = errors ? `${errors.toLocaleString("en")} error${errors > 1 ? "s" : ""}.` : "No errors.";
  if (!row) return { kind: "ended", sentence: found };
  const { name } = stateOf(row);
  const ago = span(Date.now() - instant(row.LastArrival));
  const how = {
    running: `Running; the last line came ${ago} ago.`,
    quiet: row.QuietSince && `${quietOf(row)}.`,
    silent: `Never said goodbye: killed or cut off after its last line, ${ago} ago.`,
    failed: `Ended with exit code ${row.ExitCode}, ${ago} ago.`,
    ended: row.ExitCode === 0 ? `Ended well, ${ago} ago.` : `Ended ${ago} ago.`,
  }[name];
  return { kind: name === "ended" && errors ? "errors" : name, sentence: `${how} ${found}` };
}
