// SPDX-License-Identifier: GPL-3.0-only
// Elements, made so that text is always text: nothing here takes HTML.

/**
 * Make an element.
 *
 * Properties that begin with "on" are listeners, "class" and "data" are what they say, those with a dash and "role" are
 * attributes, the others are the element's own properties. Strings among the children become text.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "list" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A button; one that shows a sign only is named by its label. */
export function button(text, label, onclick, more = {}) {
  const name = /\p{Letter}/u.test(text) ? undefined : label;
  return make("button", { type: "button", title: label, "aria-label": name, onclick, ...more }, text);
}

/** Call a function once things have been quiet for so many milliseconds. */
export function whenQuiet(milliseconds, call) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}
