// SPDX-License-Identifier: GPL-3.0-only
// When a log was written: a histogram of its lines by level. Dragging zooms, a click goes to that time.

import { button, make } from "./dom.js";
import { onThemeChange } from "./theme.js";
import { LEAST, partsOf, scaleOf } from "./time-scale.js";
import { bothTimes, clock, day, moment, span } from "./times.js";

const HEIGHT = 64;
const BAR = 7;
const DRAG = 4;
const SHORT = 30 * 60 * 1000; // the ends of shorter times are told with their seconds
const KINDS = ["error", "warn", "info", "debug", "raw"]; // from the bottom up: what matters is never covered

export class Timeline {
  /** @param go called with a time in milliseconds: where the person wants to look */
  constructor(go) {
    this.go = go;
    this.blocks = [];
    this.scale = scaleOf([]);
    this.range = null; // [from, to] when zoomed
    this.sight = null;
    this.drag = null;
    this.canvas = make("canvas", { height: HEIGHT, role: "img" });
    this.from = make("span", { class: "from" });
    this.to = make("span", { class: "to" });
    this.tip = make("div", { class: "tip", hidden: true });
    this.out = button("Whole time", "Show the whole time again (Escape)", () => this.zoom(null), { class: "quiet out", hidden: true });
    this.element = make(
      "div",
      { class: "timeline", tabIndex: 0, role: "group", "aria-label": "Time line: arrow keys move through it" },
      this.canvas, make("div", { class: "scale" }, this.from, this.out, this.to), this.tip,
    );
    this.canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    this.canvas.addEventListener("pointermove", (event) => this.hovered(event));
    this.canvas.addEventListener("pointerup", (event) => this.released(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("dblclick", () => this.zoom(null));
    this.element.addEventListener("keydown", (event) => this.keyed(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    onThemeChange(() => this.draw());
  }

  /** Show a log's blocks, [firstLine, firstTime, lastTime, debug, info, warn, error, raw] each, and when it arrived. */
  show(blocks, arrival = null) {
    this.blocks = blocks.filter((block) => block[1] !== null);
    this.scale = scaleOf(this.blocks, arrival);
    this.element.hidden = !this.blocks.length;
    this.draw();
  }

  /** The time of the lines that are in sight. */
  setSight(from, to) {
    this.sight = from === null ? null : [from, to];
    this.draw();
  }

  get whole() {
    const { from, to } = this.scale;
    return [from, Math.max(to, from + 1000)];
  }

  get shown() {
    return this.range ?? this.whole;
  }

  zoom(range) {
    this.range = range;
    this.out.hidden = !range;
    this.draw();
    if (range) this.go(range[0]);
  }

  /** The lines of each bar. A block's lines are spread evenly over its time. */
  bars() {
    const [from, to] = this.shown;
    const count = Math.max(20, Math.floor(this.canvas.clientWidth / BAR));
    const width = (to - from) / count;
    const bars = Array.from({ length: count }, () => ({ debug: 0, info: 0, warn: 0, error: 0, raw: 0 }));
    for (const [, first, last, debug, info, warn, error, raw] of this.scale.blocks) {
      const counts = { debug, info, warn, error, raw };
      const low = Math.max(0, Math.floor((first - from) / width));
      const high = Math.min(count - 1, Math.floor((last - from) / width));
      for (let bar = low; bar <= high; bar++) {
        const [begin, end] = [from + bar * width, from + (bar + 1) * width];
        const part = last > first ? (Math.min(end, last) - Math.max(begin, first)) / (last - first) : 1;
        for (const kind of KINDS) bars[bar][kind] += counts[kind] * Math.max(0, part);
      }
    }
    return bars;
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!this.blocks.length || !width) return;
    const scale = devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = HEIGHT * scale;
    const paint = this.canvas.getContext("2d");
    paint.scale(scale, scale);
    const style = getComputedStyle(this.element);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const bars = this.bars();
    const step = width / bars.length;
    const most = Math.max(1, ...bars.map((bar) => KINDS.reduce((sum, kind) => sum + bar[kind], 0)));
    // By the root: an error must be seen beside a thousand lines of information.
    const heightOf = (lines) => (lines > 0 ? Math.max(LEAST, Math.sqrt(lines / most) * (HEIGHT - 6)) : 0);
    bars.forEach((bar, index) => {
      const all = KINDS.reduce((sum, kind) => sum + bar[kind], 0);
      if (!all) return;
      const parts = partsOf(bar, heightOf(all));
      let bottom = HEIGHT;
      for (const kind of KINDS) {
        if (!bar[kind]) continue;
        const part = parts[kind];
        paint.fillStyle = colour(`bar-${kind}`);
        paint.fillRect(index * step + 0.5, bottom - part, Math.max(1, step - 1), part);
        bottom -= part;
      }
    });
    const [from, to] = this.shown;
    const place = (time) => ((time - from) / (to - from)) * width;
    if (this.sight) this.drawRange(paint, place(this.sight[0]), place(this.sight[1]), colour("sight"), colour("accent"));
    if (this.drag) this.drawRange(paint, this.drag.from, this.drag.to, colour("drag"), colour("accent"));
    this.label(from, to);
  }

  drawRange(paint, one, other, fill, edge) {
    const [left, right] = [Math.min(one, other), Math.max(one, other, Math.min(one, other) + 3)];
    paint.fillStyle = fill;
    paint.fillRect(left, 0, right - left, HEIGHT);
    paint.fillStyle = edge;
    paint.fillRect(left, 0, 1, HEIGHT);
    paint.fillRect(right - 1, 0, 1, HEIGHT);
  }

  label(from, to) {
    const { before, after } = this.scale;
    for (const [element, time, left] of [[this.from, from, before], [this.to, to, after]]) {
      element.textContent = moment(time, to - from < SHORT) + (left === null ? "" : ` (left out: a clock of ${day(left)})`);
      element.title = bothTimes(time);
    }
    const sums = this.blocks.reduce((sum, block) => [sum[0] + block[6], sum[1] + block[5]], [0, 0]);
    this.canvas.setAttribute("aria-label", `Lines from ${moment(from)} to ${moment(to)}, ${span(to - from)}: ${sums[0]} errors, ${sums[1]} warnings`);
  }

  timeAt(x) {
    const [from, to] = this.shown;
    return from + (Math.min(Math.max(x, 0), this.canvas.clientWidth) / this.canvas.clientWidth) * (to - from);
  }

  pressed(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { from: event.offsetX, to: event.offsetX };
  }

  hovered(event) {
    if (this.drag) {
      this.drag.to = event.offsetX;
      this.draw();
    }
    const bars = this.bars();
    const bar = bars[Math.min(bars.length - 1, Math.max(0, Math.floor((event.offsetX / this.canvas.clientWidth) * bars.length)))];
    const counts = ["error", "warn", "info", "debug", "raw"].filter((kind) => bar[kind]).map((kind) => `${Math.ceil(bar[kind])} ${kind}`);
    this.tip.textContent = `${clock(this.timeAt(event.offsetX))} UTC${counts.length ? " · " + counts.join(", ") : ""}`;
    this.tip.hidden = false;
    this.tip.style.left = `${Math.min(event.offsetX, this.canvas.clientWidth - 150)}px`;
  }

  released(event) {
    if (!this.drag) return;
    const { from, to } = this.drag;
    this.drag = null;
    if (Math.abs(to - from) < DRAG) {
      this.draw();
      this.go(this.timeAt(event.offsetX));
      return;
    }
    const [begin, end] = [this.timeAt(Math.min(from, to)), this.timeAt(Math.max(from, to))];
    this.zoom([begin, Math.max(end, begin + 10)]);
  }

  keyed(event) {
    const [from, to] = this.shown;
    const now = this.sight?.[0] ?? from;
    const step = (to - from) / 40;
    const times = { ArrowLeft: now - step, ArrowRight: now + step, Home: from, End: to };
    if (event.key in times) this.go(Math.min(Math.max(times[event.key], from), to));
    else if (event.key === "Escape" && this.range) this.zoom(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
