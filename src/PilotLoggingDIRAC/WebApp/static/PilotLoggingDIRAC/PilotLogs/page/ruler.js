// SPDX-License-Identifier: GPL-3.0-only
// Beside the scroll bar: where in the log errors, warnings, found lines and marks are. A click goes there.

import { make } from "./dom.js";
import { onThemeChange } from "./theme.js";

const WIDTH = 12;

export class Ruler {
  /** @param go called with a part of the whole, from 0 to 1 */
  constructor(go) {
    this.ticks = [];
    this.canvas = make("canvas", { class: "ruler", width: WIDTH, title: "Errors, warnings and found lines: click to go there", "aria-hidden": "true" });
    this.canvas.addEventListener("pointerdown", (event) => go(event.offsetY / this.canvas.clientHeight));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    onThemeChange(() => this.draw());
  }

  /** Show ticks: [kind, parts from 0 to 1] each; later ones go over earlier ones. */
  show(ticks) {
    this.ticks = ticks;
    this.draw();
  }

  draw() {
    const height = this.canvas.clientHeight;
    if (!height) return;
    const scale = devicePixelRatio || 1;
    this.canvas.width = WIDTH * scale;
    this.canvas.height = height * scale;
    const paint = this.canvas.getContext("2d");
    paint.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    for (const [kind, parts] of this.ticks) {
      paint.fillStyle = style.getPropertyValue(`--tick-${kind}`).trim();
      for (const part of parts) paint.fillRect(2, Math.min(part * height, height - 2), WIDTH - 4, 2);
    }
  }
}
