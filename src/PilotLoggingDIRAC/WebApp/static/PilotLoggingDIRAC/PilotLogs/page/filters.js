// The filters above the list. They hold no state of their own: they show a place and say how it changes.

import { ask } from "./api.js";
import { conditionsOf, isNarrowed, RANGES, SHOWN } from "./conditions.js";
import { button, make, whenQuiet } from "./dom.js";

const TYPING = 350;
const CHOICES = 200;

/**
 * Make the filters.
 *
 * @param change called with the parts of the place that are different now
 */
export function makeFilters(change) {
  const chips = SHOWN.map(([name, text, title]) =>
    make("button", { type: "button", class: "chip", title, data: { show: name }, onclick: () => change({ show: name }) }, text),
  );
  const later = whenQuiet(TYPING, (name, value) => change({ [name]: value }));
  const fields = {
    text: field("text", "Text in the logs", "search", "A text that stands in the logs' lines; press Enter (/)"),
    pilot: field("pilot", "Pilot", "search", "A stamp or reference, or a part of one"),
    vo: field("vo", "VO", "search"),
    site: field("site", "Site", "search"),
    ce: field("ce", "CE", "search"),
    host: field("host", "Host", "search", "A worker node's name, or a part of it"),
    exit: field("exit", "Exit", "search", "The exit code"),
    since: field("since", "From (UTC)", "datetime-local"),
    until: field("until", "To (UTC)", "datetime-local"),
  };
  const range = make(
    "select",
    { "aria-label": "Time", title: "Logs that were written in that time", onchange: () => change({ range: range.value }) },
    ...RANGES.map(([value, text]) => make("option", { value }, text)),
  );
  const menus = Object.fromEntries(["vo", "site", "ce", "exit"].map((name) => [name, menuOf(name, fields[name])]));
  const clear = button("Clear", "Show all logs again", () => change(null), { class: "quiet" });

  function field(name, label, type, title = label) {
    const input = make("input", {
      type, name, placeholder: label, title, "aria-label": label, autocomplete: "off", spellcheck: false, maxLength: 250,
      class: `field ${name}`,
      oninput: () => name !== "text" && later(name, valueOf(name, input.value)),
      onchange: () => change({ [name]: valueOf(name, input.value) }),
    });
    return input;
  }

  let known = "";
  /** What can be chosen; asked when somebody is about to choose, and not again while the other filters stay. */
  async function offer(place) {
    const conditions = conditionsOf({ ...place, site: [], ce: [], exit: [] }, Math.floor(Date.now() / 60000) * 60000);
    const asked = JSON.stringify(conditions);
    if (asked === known) return;
    known = asked;
    const { values } = await ask("values", { ...conditions, column: ["VO", "Site", "CE", "ExitCode"], limit: CHOICES });
    for (const [name, column] of [["vo", "VO"], ["site", "Site"], ["ce", "CE"], ["exit", "ExitCode"]]) {
      const options = (values[column] ?? []).filter(([value]) => value !== "" && value !== null);
      menus[name].replaceChildren(...options.map(([value, logs]) => make("option", { value: String(value), label: `${logs} logs` })));
      if (name === "vo") fields.vo.hidden = options.length < 2 && !place.vo.length;
    }
  }

  let shown;
  const form = make(
    "form",
    { class: "filters", role: "search", "aria-label": "Which logs", onsubmit: (event) => event.preventDefault() },
    make("div", { class: "chips", role: "group", "aria-label": "State" }, ...chips),
    fields.text, fields.pilot, fields.vo, fields.site, fields.ce, fields.host, fields.exit, range, fields.since, fields.until,
    clear, ...Object.values(menus),
  );
  form.addEventListener("focusin", () => offer(shown).catch(() => (known = "")));

  return {
    form,
    text: fields.text,
    /** Show a place; what somebody is typing into is left alone. */
    show(place) {
      if (!shown) offer(place).catch(() => (known = ""));
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
      if (place.vo.length) fields.vo.hidden = false;
      clear.hidden = !isNarrowed(place);
    },
  };
}

function menuOf(name, input) {
  const id = `choices-${name}`;
  input.setAttribute("list", id);
  return make("datalist", { id });
}

function valueOf(name, text) {
  if (!["vo", "site", "ce", "exit"].includes(name)) return text;
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}
