// SPDX-License-Identifier: GPL-3.0-only
// A field with the names that exist as suggestions. Several names stand in it, separated by commas.

import { logsOf } from "./counts.js";
import { make, whenQuiet } from "./dom.js";

const TYPING = 150;

/**
 * Make it of an input.
 *
 * @param suggest gives a promise of [[name, logs], ...] for what is typed
 * @param taken called when a suggestion was taken
 * @returns the input with its list
 */
export function withSuggestions(input, suggest, taken) {
  const id = `suggestions-${input.name}`;
  const list = make("ul", { id, class: "suggestions", role: "listbox", "aria-label": `Suggestions: ${input.placeholder}`, hidden: true });
  let options = [];
  let active = -1;
  let asked = 0;

  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", id]]) {
    input.setAttribute(name, value);
  }

  /** The names before the last comma, and what is being typed behind it. */
  function parts() {
    const words = input.value.split(",").map((word) => word.trim());
    return [words.slice(0, -1).filter(Boolean), words.at(-1)];
  }

  async function offer() {
    const mine = ++asked;
    const [before, word] = parts();
    let names = [];
    try {
      names = await suggest(word);
    } catch {
      // Without suggestions one can type on.
    }
    if (mine !== asked || document.activeElement !== input) return;
    show(names.filter(([name]) => name !== word && !before.includes(name)));
  }

  const later = whenQuiet(TYPING, offer);

  function show(names) {
    options = names.map(([name, logs], place) =>
      make("li", { id: `${id}-${place}`, role: "option", "aria-selected": "false", onclick: () => take(name), data: { name } }, name, make("small", {}, logsOf(logs))),
    );
    list.replaceChildren(...options);
    list.hidden = !options.length;
    list.style.left = "0";
    const beyond = list.getBoundingClientRect().right - document.documentElement.clientWidth + 8;
    if (beyond > 0) list.style.left = `${-beyond}px`;
    input.setAttribute("aria-expanded", String(!list.hidden));
    point(-1);
  }

  function close() {
    asked++;
    show([]);
  }

  function point(place) {
    active = place;
    for (const [index, option] of options.entries()) option.setAttribute("aria-selected", String(index === active));
    const option = options[active];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function take(name) {
    input.value = [...parts()[0], name].join(", ");
    close();
    taken();
  }

  const moves = {
    ArrowDown: () => (list.hidden ? offer() : point((active + 1) % options.length)),
    ArrowUp: () => !list.hidden && point(active <= 0 ? options.length - 1 : active - 1),
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key in moves) {
      event.preventDefault();
      moves[event.key]();
    } else if (event.key === "Enter") {
      if (options[active]) {
        event.preventDefault();
        take(options[active].dataset.name);
      } else {
        close();
      }
    } else if (event.key === "Escape" && !list.hidden) {
      // It closes the suggestions and nothing else.
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  input.addEventListener("input", later);
  input.addEventListener("click", () => list.hidden && offer());
  input.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("mousedown", (event) => event.preventDefault());
  return make("span", { class: `${input.className} combobox` }, input, list);
}
