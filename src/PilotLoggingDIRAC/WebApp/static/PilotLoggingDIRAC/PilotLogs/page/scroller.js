// Rows of one height, as many as a log has, of which only those in sight are elements.
//
// Browsers give an element some 17 to 33 million pixels at most. Beyond MOST_PIXELS the scroll bar stands for the
// position in proportion, and wheel and keys move by rows.

import { make } from "./dom.js";

const MOST_PIXELS = 8_000_000;
const SPARE = 8;

export class Scroller {
  /**
   * @param rowHeight in pixels
   * @param draw called with a row, gives its element
   * @param moved called when other rows are in sight; {byHand} where the person scrolled
   */
  constructor(rowHeight, draw, moved) {
    this.rowHeight = rowHeight;
    this.draw = draw;
    this.moved = moved;
    this.total = 0;
    this.top = 0; // the first row in sight, with its fraction
    this.elements = new Map();
    this.widest = 0;
    this.layer = make("div", { class: "rows" });
    this.space = make("div", { class: "space" }, this.layer);
    this.element = make("div", { class: "scroller", tabIndex: 0 }, this.space);
    this.expected = 0;
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.element.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  get inSight() {
    return this.element.clientHeight / this.rowHeight;
  }

  get highest() {
    return Math.max(0, this.total - this.inSight);
  }

  get pixels() {
    return Math.min(this.total * this.rowHeight, MOST_PIXELS);
  }

  get isScaled() {
    return this.total * this.rowHeight > MOST_PIXELS;
  }

  get isAtEnd() {
    return this.top >= this.highest - 1.5;
  }

  setTotal(total) {
    this.total = total;
    this.resize();
  }

  resize() {
    this.space.style.height = `${this.pixels}px`;
    this.moveTo(Math.min(this.top, this.highest));
  }

  /** Put a row to the top; the scroll bar follows. */
  moveTo(top) {
    this.top = Math.min(Math.max(top, 0), this.highest);
    const way = Math.max(0, this.pixels - this.element.clientHeight);
    this.expected = this.isScaled ? (this.top / (this.highest || 1)) * way : this.top * this.rowHeight;
    this.element.scrollTop = this.expected;
    this.expected = this.element.scrollTop;
    this.paint(false);
  }

  /** Bring a row into sight, and to a third of the height if it was not. */
  reveal(row) {
    if (row >= this.top + 1 && row <= this.top + this.inSight - 3) this.paint(false);
    else this.moveTo(row - this.inSight / 3);
  }

  scrolled() {
    const now = this.element.scrollTop;
    if (Math.abs(now - this.expected) < 1) {
      this.paint(false); // our own doing, or to the side
      return;
    }
    this.expected = now;
    const way = Math.max(1, this.pixels - this.element.clientHeight);
    this.top = this.isScaled ? (now / way) * this.highest : now / this.rowHeight;
    this.paint(true);
  }

  wheeled(event) {
    if (!this.isScaled || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 1 : event.deltaMode === 2 ? this.inSight : 1 / this.rowHeight;
    this.moveBy(event.deltaY * unit);
  }

  /** Move as the person asked for. */
  moveBy(rows) {
    this.moveTo(this.top + rows);
    this.paint(true);
  }

  /** Draw anew what is in sight: lines have come, or look different. */
  repaint() {
    for (const element of this.elements.values()) element.remove();
    this.elements.clear();
    this.paint(false);
  }

  /** Draw anew only rows for which a test says so. */
  refresh(isOld) {
    for (const [row, element] of this.elements) {
      if (!isOld(element)) continue;
      element.remove();
      this.elements.delete(row);
    }
    this.paint(false);
  }

  get first() {
    return Math.max(0, Math.floor(this.top) - SPARE);
  }

  get last() {
    return Math.min(this.total, Math.ceil(this.top + this.inSight) + SPARE);
  }

  paint(byHand) {
    const { first, last } = this;
    for (const [row, element] of this.elements) {
      if (row >= first && row < last) continue;
      element.remove();
      this.elements.delete(row);
    }
    const added = [];
    for (let row = first; row < last; row++) {
      let element = this.elements.get(row);
      if (!element) {
        element = this.draw(row);
        this.elements.set(row, element);
        added.push(element);
      }
      element.style.transform = `translateY(${(row - this.top) * this.rowHeight}px)`;
    }
    if (added.length) {
      this.layer.append(...added);
      this.widen(added);
    }
    this.moved({ byHand });
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
