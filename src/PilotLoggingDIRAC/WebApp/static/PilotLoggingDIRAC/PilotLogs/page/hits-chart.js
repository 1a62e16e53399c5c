// SPDX-License-Identifier: GPL-3.0-only
// When the lines that a search found were written: small bars, and the same as a table.

import { linesOf, logsOf, number } from "./counts.js";
import { make } from "./dom.js";
import { instant, moment, span } from "./times.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 40;
const STEP = 10;
const MOST_BARS = 48;
const WIDTHS = [1, 10, 60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400].map((seconds) => seconds * 1000);

/** [{from, lines, logs}, ...] of equal width, without a hole; and that width in milliseconds. */
export function barsOf(found) {
  const hits = found.flatMap(({ row, lines }, log) => (lines ?? []).map((line) => [instant(line.time) ?? instant(row.LastArrival), log]));
  if (!hits.length) return { bars: [], width: 0 };
  const times = hits.map(([time]) => time);
  const [first, last] = [times.reduce((one, other) => Math.min(one, other)), times.reduce((one, other) => Math.max(one, other))];
  let width = WIDTHS.find((each) => (last - first) / each < MOST_BARS - 1);
  width ??= WIDTHS.at(-1) * Math.ceil((last - first) / WIDTHS.at(-1) / (MOST_BARS - 1));
  const begin = Math.floor(first / width);
  const bars = Array.from({ length: Math.floor(last / width) - begin + 1 }, (_, place) => ({ from: (begin + place) * width, lines: 0, logs: new Set() }));
  for (const [time, log] of hits) {
    const bar = bars[Math.floor(time / width) - begin];
    bar.lines++;
    bar.logs.add(log);
  }
  return { bars: bars.map((bar) => ({ ...bar, logs: bar.logs.size })), width };
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function makeHitsChart() {
  const picture = make("div", { class: "bars" });
  const from = make("span");
  const to = make("span");
  const body = make("tbody");
  const table = make(
    "details", {},
    make("summary", {}, "As a table"),
    make("table", {}, make("thead", {}, make("tr", {}, ...["From (UTC)", "Lines", "Logs"].map((text) => make("th", { scope: "col" }, text)))), body),
  );
  const element = make("figure", { class: "hits-chart", "aria-label": "Lines found over time", hidden: true }, picture, make("figcaption", {}, from, table, to));

  return {
    element,
    show(found) {
      const { bars, width } = barsOf(found);
      element.hidden = !bars.length;
      if (!bars.length) return;
      const most = bars.reduce((one, other) => (other.lines > one.lines ? other : one));
      const during = span(width);
      const total = bars.reduce((sum, bar) => sum + bar.lines, 0);
      const label = `${linesOf(total)} from ${moment(bars[0].from)} to ${moment(bars.at(-1).from + width)}; most, ${most.lines}, in the ${during} from ${moment(most.from)}`;
      const rects = bars.map((bar, place) => {
        const height = bar.lines ? Math.max(2, (HEIGHT * bar.lines) / most.lines) : 0;
        const rect = svg("rect", { x: place * STEP + 1, y: HEIGHT - height, width: STEP - 2, height });
        rect.append(svg("title", {}, `${moment(bar.from)}, ${during}: ${linesOf(bar.lines)} in ${logsOf(bar.logs)}`));
        return rect;
      });
      const shown = Math.max(bars.length, 12) * STEP;
      picture.replaceChildren(svg("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${shown} ${HEIGHT}`, preserveAspectRatio: "none" }, ...rects));
      from.textContent = moment(bars[0].from);
      to.textContent = moment(bars.at(-1).from + width);
      const cell = (text) => make("td", {}, text);
      body.replaceChildren(
        ...bars.filter((bar) => bar.lines).map((bar) => make("tr", {}, cell(moment(bar.from)), cell(number(bar.lines)), cell(number(bar.logs)))),
      );
    },
  };
}
