// SPDX-License-Identifier: GPL-3.0-only
// Rows, as many as a log has, of which only those in sight are elements.
//
// Where the person is, is a row and a part of it. As long as all rows are of one height, and together not too high for a
// browser (which gives an element some 17 to 33 million pixels at most), the scroll bar says just that. Otherwise (lines
// are wrapped, or there are too many) heights are known only of rows that are drawn: then wheel, keys and fingers move by
// pixels, as they should, and the scroll bar stands for the position in proportion.

import { make } from "./dom.js";

const MOST_PIXELS = 8_000_000;
const SPARE = 8;
const REST = 250;

export class Scroller {
  /**
   * @param rowHeight in pixels; of wrapped rows the least
   * @param draw called with a row, gives its element
   * @param moved called when other rows are in sight; {byHand} where the person scrolled
   */
  constructor(rowHeight, draw, moved) {
    this.rowHeight = rowHeight;
    this.draw = draw;
    this.moved = moved;
    this.isWrapped = false;
    this.total = 0;
    this.top = 0; // the first row in sight, with its fraction
    this.held = null; // {row, y}: what stays in its place when rows around it turn out to be higher
    this.elements = new Map();
    this.heights = new Map(); // of wrapped rows that are drawn
    this.places = new Map(); // of drawn rows, in pixels from the upper edge
    this.measured = { rows: 0, pixels: 0 };
    this.width = 0;
    this.height = 0;
    this.widest = 0;
    this.layer = make("div", { class: "rows" });
    this.space = make("div", { class: "space" }, this.layer);
    this.element = make("div", { class: "scroller", tabIndex: 0 }, this.space);
    this.expected = 0;
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.element.addEventListener("scrollend", () => this.isLoose && this.setBar());
    this.element.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    // Without a height it is not shown: somebody prints.
    new ResizeObserver(() => this.element.clientHeight && this.resize()).observe(this.element);
  }

  /** How many rows fit at most. */
  get inSight() {
    return this.element.clientHeight / this.rowHeight;
  }

  /** The last row in sight. */
  get bottom() {
    let last = Math.floor(this.top);
    for (const [row, y] of this.places) if (row > last && y < this.height) last = row;
    return Math.min(last, Math.max(0, this.total - 1));
  }

  get average() {
    return this.isWrapped && this.measured.rows ? this.measured.pixels / this.measured.rows : this.rowHeight;
  }

  get highest() {
    return Math.max(0, this.total - this.element.clientHeight / this.average);
  }

  get pixels() {
    return Math.min(this.total * this.average, MOST_PIXELS);
  }

  get isLoose() {
    return this.isWrapped || this.total * this.rowHeight > MOST_PIXELS;
  }

  get isAtEnd() {
    if (!this.isWrapped) return this.top >= this.highest - 1.5;
    return this.top >= this.clamp(Infinity) - 1.5;
  }

  setTotal(total) {
    this.total = total;
    this.resize();
  }

  setWrapped(isWrapped) {
    const held = this.held ?? { row: Math.floor(this.top), y: 0 };
    this.isWrapped = isWrapped;
    this.element.classList.toggle("wrapped", isWrapped);
    this.measured = { rows: 0, pixels: 0 };
    this.narrow();
    this.repaint();
    this.held = held;
    this.settle();
  }

  resize() {
    if (this.element.clientWidth !== this.width) this.heights.clear();
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight || this.height;
    this.space.style.height = `${this.pixels}px`;
    if (!this.held) return this.moveTo(this.top);
    this.held.y = Math.min(this.held.y, Math.max(0, this.height - 3 * this.rowHeight));
    return this.settle();
  }

  // Heights and places

  heightOf(row) {
    if (!this.isWrapped) return this.rowHeight;
    const element = this.elementOf(row);
    if (!this.heights.has(row)) {
      const height = element.offsetHeight || this.rowHeight;
      this.heights.set(row, height);
      if (!element.classList.contains("waiting")) {
        this.measured.rows++;
        this.measured.pixels += height;
      }
    }
    return this.heights.get(row);
  }

  /** What has to be at the top so that a row begins so many pixels below it. */
  topFor(row, pixels) {
    if (!this.isWrapped) return row - pixels / this.rowHeight;
    let at = Math.min(Math.ceil(row), this.total);
    let left = pixels;
    while (at > 0 && left > 0) left -= this.heightOf(--at);
    return left < 0 ? at - left / this.heightOf(at) : at;
  }

  /** What is at the top after so many pixels more. */
  topAfter(pixels) {
    if (!this.isWrapped || !this.total) return this.top + pixels / this.rowHeight;
    let row = Math.min(Math.floor(this.top), this.total - 1);
    let left = (this.top - row) * this.heightOf(row) + pixels;
    while (left < 0 && row > 0) left += this.heightOf(--row);
    while (row < this.total - 1 && left >= this.heightOf(row)) left -= this.heightOf(row++);
    return row + Math.max(0, left) / this.heightOf(row);
  }

  clamp(top) {
    const least = Math.max(top, 0);
    if (!this.isWrapped) return Math.min(least, this.highest);
    // Rows are as high as rowHeight at least: with so many below, the end is not in sight.
    return least + this.inSight <= this.total ? least : Math.min(least, this.topFor(this.total, this.element.clientHeight));
  }

  // Moving

  /** Put a row to the top; the scroll bar follows. */
  moveTo(top) {
    this.top = this.clamp(top);
    this.held = top > this.top ? { row: Infinity, y: 0 } : null;
    this.setBar();
    this.paint(false);
  }

  /** Keep a row so many pixels below the top, whatever the rows above turn out to be. */
  hold(row, y) {
    this.held = { row, y };
    this.settle();
  }

  /** Do not stay at the end any more. */
  letGo() {
    this.held = null;
  }

  settle() {
    const { row, y } = this.held;
    this.top = this.clamp(row === Infinity ? Infinity : this.topFor(row, y));
    this.setBar();
    this.paint(false);
  }

  /** Bring a row into sight, and to a third of the height if it was not. */
  reveal(row) {
    const height = this.element.clientHeight;
    const y = this.isWrapped ? this.places.get(row) : (row - this.top) * this.rowHeight;
    const isInSight = y >= this.rowHeight && y + this.heightOf(row) <= height - 2 * this.rowHeight;
    this.hold(row, isInSight ? y : height / 3);
  }

  setBar() {
    this.space.style.height = `${this.pixels}px`;
    const way = Math.max(0, this.pixels - this.element.clientHeight);
    const part = this.held?.row === Infinity ? 1 : Math.min(1, this.top / (this.highest || 1));
    this.expected = this.isLoose ? part * way : this.top * this.rowHeight;
    this.element.scrollTop = this.expected;
    this.expected = this.element.scrollTop;
  }

  scrolled() {
    if (this.element.clientHeight && this.element.clientHeight !== this.height) {
      this.resize(); // the browser itself scrolled, since there is more room
      return;
    }
    const now = this.element.scrollTop;
    const step = now - this.expected;
    if (Math.abs(step) < 1) {
      this.paint(false); // our own doing, or to the side
      return;
    }
    this.expected = now;
    this.held = null;
    const way = Math.max(1, this.pixels - this.element.clientHeight);
    if (!this.isLoose) this.top = now / this.rowHeight;
    else if (now <= 0) this.top = 0;
    else if (now >= way - 1) this.top = this.clamp(Infinity);
    else if (Math.abs(step) < 2 * this.element.clientHeight) this.top = this.clamp(this.topAfter(step));
    else this.top = this.clamp((now / way) * this.highest);
    this.paint(true);
    if (!this.isLoose || "onscrollend" in this.element) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.setBar(), REST);
  }

  wheeled(event) {
    if (!this.isLoose || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? this.rowHeight : event.deltaMode === 2 ? this.element.clientHeight : 1;
    this.moveByPixels(event.deltaY * unit);
  }

  /** Move as the person asked for; a row is the height of a short one. */
  moveBy(rows) {
    this.moveByPixels(rows * this.rowHeight);
  }

  moveByPixels(pixels) {
    this.moveTo(this.topAfter(pixels));
    this.paint(true);
  }

  // Drawing

  /** Draw anew what is in sight: lines have come, or look different. */
  repaint() {
    this.refresh(() => true);
  }

  /** Draw anew only rows for which a test says so. */
  refresh(isOld) {
    for (const [row, element] of this.elements) if (isOld(element)) this.drop(row, element);
    if (this.isWrapped && this.held) this.settle();
    else this.paint(false);
  }

  drop(row, element) {
    element.remove();
    this.elements.delete(row);
    this.heights.delete(row);
    this.places.delete(row);
  }

  elementOf(row) {
    let element = this.elements.get(row);
    if (element) return element;
    element = this.draw(row);
    element.dataset.row = row;
    this.elements.set(row, element);
    // In their order, for those who read with a screen reader.
    let behind = this.layer.lastElementChild;
    while (behind && Number(behind.dataset.row) > row) behind = behind.previousElementSibling;
    if (behind) behind.after(element);
    else this.layer.prepend(element);
    return element;
  }

  get first() {
    return Math.max(0, Math.floor(this.top) - SPARE);
  }

  get last() {
    return Math.min(this.total, Math.ceil(this.top + this.inSight) + SPARE);
  }

  paint(byHand) {
    const { first, last } = this;
    for (const [row, element] of this.elements) if (row < first || row >= last) this.drop(row, element);
    const added = [];
    for (let row = first; row < last; row++) {
      if (!this.elements.has(row)) added.push(this.elementOf(row));
    }
    for (let row = first; row < last; row++) this.heightOf(row); // before anything is moved: the browser lays out once
    const start = Math.min(Math.floor(this.top), Math.max(0, this.total - 1));
    let y = this.total ? -(this.top - start) * this.heightOf(start) : 0;
    for (let row = start; row < last; row++) {
      this.put(row, y);
      y += this.heightOf(row);
    }
    y = this.places.get(start);
    for (let row = start - 1; row >= first; row--) {
      y -= this.heightOf(row);
      this.put(row, y);
    }
    if (added.length && !this.isWrapped) this.widen(added);
    this.moved({ byHand });
  }

  put(row, y) {
    this.places.set(row, y);
    this.elements.get(row).style.transform = `translateY(${y}px)`;
  }

  /** The space is as wide as the widest row so far, so that the bar at the bottom does not jump. */
  widen(added) {
    const widest = Math.max(...added.map((element) => element.scrollWidth));
    if (widest <= this.widest) return;
    this.widest = widest;
    this.space.style.minWidth = `${widest}px`;
  }

  narrow() {
    this.widest = 0;
    this.space.style.minWidth = "";
    this.element.scrollLeft = 0;
  }
}
