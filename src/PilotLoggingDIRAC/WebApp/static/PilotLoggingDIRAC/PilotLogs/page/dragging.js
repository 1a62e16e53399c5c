// SPDX-License-Identifier: GPL-3.0-only
// The mouse goes over several lines with its button down: they are chosen, also those that are not drawn any more.
// Within one line it is left to the browser, which selects words.

const STEP = 50;

export class Dragging {
  /**
   * @param scroller whose rows are lines
   * @param lines {lineOf, begin, move, end}: lineOf gives the number of a row's line, if it is one; the others are told
   *   where it begins and goes, by numbers, and that it is over
   */
  constructor(scroller, lines) {
    this.scroller = scroller;
    this.lines = lines;
    this.from = 0;
    this.isOn = false;
    this.y = 0;
    const { element } = scroller;
    element.addEventListener("pointerdown", (event) => this.pressed(event));
    element.addEventListener("pointermove", (event) => this.moved(event));
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => this.released());
  }

  pressed(event) {
    const row = event.target.closest(".row[data-n]");
    if (!row || event.button !== 0 || event.pointerType !== "mouse") return;
    if (event.shiftKey) getSelection().removeAllRanges();
    else this.from = Number(row.dataset.n);
  }

  moved(event) {
    if (!this.from || !(event.buttons & 1)) return;
    this.y = event.clientY;
    const number = this.lineAt(this.y);
    if (!number || (number === this.from && !this.isOn)) return;
    if (!this.isOn) {
      this.isOn = true;
      this.scroller.element.setPointerCapture(event.pointerId);
      this.scroller.element.classList.add("choosing");
      this.lines.begin(this.from);
      this.timer = setInterval(() => this.moveAlong(), STEP);
    }
    getSelection().removeAllRanges();
    this.lines.move(number);
  }

  /** Beyond an edge the lines move along. */
  moveAlong() {
    const { top, bottom } = this.scroller.element.getBoundingClientRect();
    const beyond = Math.min(0, this.y - top) || Math.max(0, this.y - bottom);
    if (!beyond) return;
    this.scroller.moveByPixels(beyond);
    const number = this.lineAt(this.y);
    if (number) this.lines.move(number);
  }

  released() {
    this.from = 0;
    if (!this.isOn) return;
    this.isOn = false;
    clearInterval(this.timer);
    this.scroller.element.classList.remove("choosing");
    this.lines.end();
  }

  /** The line at a height of the window, or the nearest one in sight. */
  lineAt(clientY) {
    const { top, height } = this.scroller.element.getBoundingClientRect();
    const y = Math.min(Math.max(clientY - top, 0), height - 1);
    let nearest = 0;
    for (const [row, place] of [...this.scroller.places].sort(([one], [other]) => one - other)) {
      if (place > y) break;
      nearest = this.lines.lineOf(row) ?? nearest;
    }
    return nearest;
  }
}
