// The filters above the list. They hold no state of their own: they show a place and say how it changes.

import { ask } from "./api.js";
import { onRetry } from "./connection.js";
import { withSuggestions } from "./combobox.js";
import { conditionsOf, isNarrowed, RANGES, SHOWN } from "./conditions.js";
import { button, make, whenQuiet } from "./dom.js";

const TYPING = 350;
const CHOICES = 60;
/** The filters in which several names may stand, and the columns that have them. */
const COLUMNS = { vo: "VO", site: "Site", ce: "CE", host: "Host", exit: "ExitCode" };
const LISTS = ["pilot", ...Object.keys(COLUMNS)];

/**
 * Make the filters.
 *
 * @param change called with the parts of the place that are different now, and whether that is a step that can be taken
 *   back: what is typed into a field is one, however many pauses it has; gives whether anything was different
 */
export function makeFilters(change) {
  const chips = SHOWN.map(([name, text, title]) =>
    make("button", { type: "button", class: "chip", title, data: { show: name }, onclick: () => change({ show: name }) }, text),
  );
  let typing = "";
  const take = (name) => {
    if (change({ [name]: valueOf(name, fields[name].value) }, typing !== name)) typing = name;
  };
  const later = whenQuiet(TYPING, take);
  const fields = {
    text: field("text", "Text in the logs", "search", "A text that stands in the logs' lines; press Enter (/)"),
    pilot: field("pilot", "Pilot", "search", "A stamp or reference, or a part of one; several with commas"),
    vo: field("vo", "VO", "search", "A VO, or a part of its name; several with commas"),
    site: field("site", "Site", "search", "A site, or a part of its name, in any case; several with commas"),
    ce: field("ce", "CE", "search", "A CE, or a part of its name, in any case; several with commas"),
    host: field("host", "Host", "search", "A worker node, or a part of its name, in any case; several with commas"),
    exit: field("exit", "Exit", "search", "The exit code; several with commas"),
    since: field("since", "From (UTC)", "datetime-local"),
    until: field("until", "To (UTC)", "datetime-local"),
  };
  const range = make(
    "select",
    { "aria-label": "Time", title: "Logs that were written in that time", onchange: () => change({ range: range.value }) },
    ...RANGES.map(([value, text]) => make("option", { value }, text)),
  );
  const boxes = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, withSuggestions(fields[name], (word) => suggest(name, word), () => take(name))]));
  boxes.vo.hidden = true;
  const clear = button("Clear", "Show all logs again", () => change(null), { class: "quiet" });

  function field(name, label, type, title = label) {
    const input = make("input", {
      type, name, placeholder: label, title, "aria-label": label, autocomplete: "off", spellcheck: false, maxLength: 250,
      class: `field ${name}`,
      oninput: () => name !== "text" && later(name),
      onchange: () => {
        take(name);
        typing = "";
      },
    });
    return input;
  }

  /** The names that exist among the logs that the other filters leave, those with most logs first. */
  async function suggest(name, word) {
    const now = Math.floor(Date.now() / 60000) * 60000;
    const conditions = conditionsOf({ ...shown, [name]: name === "exit" ? [] : [word].filter(Boolean) }, now);
    const column = COLUMNS[name];
    const { values } = await ask("values", { ...conditions, column, limit: CHOICES });
    const names = values[column].filter(([value]) => value !== "" && value !== null).map(([value, logs]) => [String(value), logs]);
    return name === "exit" ? names.filter(([value]) => value.includes(word)) : names;
  }

  /** Who reads the logs of several VOs can choose among them. */
  async function offerVos() {
    try {
      const { values } = await ask("values", { column: "VO", limit: 2 });
      knowsVos = true;
      if (values.VO.length > 1) boxes.vo.hidden = false;
    } catch {
      // The list says what is the matter.
    }
  }

  let knowsVos = false;
  onRetry(() => (knowsVos ? null : offerVos()));

  let shown;
  const form = make(
    "form",
    { class: "filters", role: "search", "aria-label": "Which logs", onsubmit: (event) => event.preventDefault() },
    make("div", { class: "chips", role: "group", "aria-label": "State" }, ...chips),
    fields.text, fields.pilot, boxes.vo, boxes.site, boxes.ce, boxes.host, boxes.exit, range, fields.since, fields.until,
    clear,
  );

  return {
    form,
    text: fields.text,
    /** Show a place; what somebody is typing into is left alone. */
    show(place) {
      if (!shown) offerVos();
      shown = place;
      for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.show === place.show));
      for (const [name, input] of Object.entries(fields)) {
        const value = Array.isArray(place[name]) ? place[name].join(", ") : place[name];
        if (input !== document.activeElement || !value) input.value = value;
        input.classList.toggle("set", Boolean(value));
      }
      range.value = place.range;
      range.classList.toggle("set", Boolean(place.range));
      fields.since.hidden = fields.until.hidden = place.range !== "own";
      if (place.vo.length) boxes.vo.hidden = false;
      // Its room stays: nothing moves under the mouse.
      clear.classList.toggle("gone", !isNarrowed(place));
    },
  };
}

function valueOf(name, text) {
  if (!LISTS.includes(name)) return text;
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}
