// SPDX-License-Identifier: GPL-3.0-only
// Between the lines and the time line: which time is in sight, and which line is of a time.

import { ask } from "./api.js";
import { tell } from "./notices.js";
import { countBelow } from "./rows.js";
import { Timeline } from "./timeline.js";
import { instant } from "./times.js";

const BLOCK = 500;

/** About when a line came, by its place in its block; null where no block has a time. */
export function estimateTime(number, blocks, lines) {
  if (!blocks.length) return null;
  const index = Math.max(0, countBelow(blocks.map((block) => block[0]), number + 1) - 1);
  const [first, from, to] = blocks[index];
  const end = blocks[index + 1]?.[0] ?? lines + 1;
  return from + ((to - from) * Math.min(number - first, end - first)) / Math.max(1, end - first);
}

export class TimeNavigation {
  /** @param log the view whose lines these are */
  constructor(log) {
    this.log = log;
    this.timeline = new Timeline((time) => this.goTo(time));
  }

  /** The time of a line: its own if it is here. */
  timeOf(number) {
    const known = this.log.lines.store?.get(number);
    if (known?.time) return instant(known.time);
    return estimateTime(number, this.timeline.blocks, this.log.outline.lines);
  }

  showSight() {
    const { lines } = this.log;
    const [first, last] = [lines.lineAt(Math.floor(lines.scroller.top)), lines.lineAt(lines.scroller.bottom)];
    this.timeline.setSight(this.timeOf(first), Math.max(this.timeOf(first), this.timeOf(last)));
  }

  async goTo(time) {
    const { finder, following, key, lines, stopped } = this.log;
    const { blocks } = this.timeline;
    const block = blocks.find(([, , last]) => last >= time) ?? blocks.at(-1);
    if (!block) return;
    following.set(false);
    try {
      const answer = await ask("lines", { ...key, first: block[0], count: BLOCK }, stopped.signal);
      lines.store.keep(answer.lines);
      const number = answer.lines.find((line) => line.own && instant(line.time) >= time)?.n ?? block[0];
      lines.scroller.moveTo(lines.rows.rowOf(number));
      finder.at = number;
    } catch (error) {
      tell(error);
    }
  }
}
