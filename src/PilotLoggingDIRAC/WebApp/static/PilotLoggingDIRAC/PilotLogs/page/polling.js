// SPDX-License-Identifier: GPL-3.0-only
// The chosen log is asked for anew from time to time: often while it grows and somebody looks, else seldom.

import { ask } from "./api.js";
import { onRetry } from "./connection.js";
import { tell } from "./notices.js";

const LIVE_PAUSE = 1500;
const QUIET_PAUSE = 15000;
const CHANGING = ["LastArrival", "State", "Lines", "ExitCode", "Finalised"];

export class Polling {
  /** @param log the view: what it shows is asked for, and it is told what came */
  constructor(log) {
    this.log = log;
    this.unanswered = null; // what is to be asked again
    this.isAsking = false;
    this.lacksRows = false;
    onRetry(() => this.unanswered?.());
  }

  /** Another log is going to be shown, or none. */
  stop() {
    clearTimeout(this.timer);
    this.unanswered = null;
    this.isAsking = this.lacksRows = false;
  }

  schedule() {
    clearTimeout(this.timer);
    const pause = this.log.isOpen && !document.hidden ? LIVE_PAUSE : QUIET_PAUSE;
    this.timer = setTimeout(() => this.poll(), pause);
  }

  /** What came meanwhile. A collector that is away is waited for. */
  async poll() {
    const { log } = this;
    const { signal } = log.stopped;
    clearTimeout(this.timer);
    this.isAsking = true;
    this.unanswered = null;
    try {
      const outline = await ask("outline", { ...log.key, version: log.outline.version }, signal);
      if (signal.aborted) return;
      if (outline.unchanged) log.take({ ...log.outline, row: outline.row });
      else await log.grow(outline);
      if (this.lacksRows) await log.lines.fill();
      this.lacksRows = false;
    } catch (error) {
      if (error.name === "AbortError") return;
      tell(error);
      if (!signal.aborted) this.missRows(error);
    } finally {
      if (!signal.aborted) this.isAsking = false;
    }
    if (!signal.aborted && !this.unanswered) this.schedule();
  }

  /** Rows that could not be had come with the next answer. */
  missRows(error) {
    if (!error.passes) return;
    this.lacksRows = true;
    this.unanswered = () => this.poll();
  }

  /** The list has come anew. If its row of this log is another one than ours, there is something new. */
  compare(rows) {
    const ours = this.log.outline?.row;
    const row = ours && rows.find((each) => each.Stamp === ours.Stamp && each.VO === ours.VO);
    if (!row || this.unanswered || this.isAsking) return;
    if (row.LastArrival <= ours.LastArrival) this.log.known(ours);
    if (CHANGING.some((name) => row[name] !== ours[name])) this.poll();
  }
}
