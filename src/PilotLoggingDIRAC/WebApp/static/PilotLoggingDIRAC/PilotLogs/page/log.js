// SPDX-License-Identifier: GPL-3.0-only
// The chosen log: its head, its time line, its tools and its lines, and how they move together.

import { ask } from "./api.js";
import { Choosing } from "./choosing.js";
import { Copying } from "./copying.js";
import { Detail } from "./detail.js";
import { make } from "./dom.js";
import { explain } from "./explain.js";
import { Finder } from "./finder.js";
import { Following } from "./following.js";
import { ErrorNavigation } from "./log-errors.js";
import { LogFilter } from "./log-filter.js";
import { showHead, verdictOf, wantedHead } from "./log-head.js";
import { tell } from "./notices.js";
import { Polling } from "./polling.js";
import { printRows } from "./printing.js";
import { Selection } from "./selection.js";
import { ShownLines } from "./shown-lines.js";
import { TimeNavigation } from "./time-navigation.js";
import { instant } from "./times.js";
import { Toolbar } from "./toolbar.js";
import { isWrapped, WrapSwitch } from "./wrapping.js";

const WIDEST_COMMAND = 24;

export class LogView {
  /**
   * @param change called with the parts of the place that are different now
   * @param link gives the link to a line of this log
   * @param close called when the person wants the list back
   * @param known called with the log's row whenever a newer one is known
   * @param search called with a line whose like is wanted in all logs
   */
  constructor(change, link, close, known, search) {
    Object.assign(this, { change, close, known });
    this.key = null;
    this.polling = new Polling(this);
    this.selection = new Selection();
    this.lines = new ShownLines(this);
    this.following = new Following(this);
    this.choosing = new Choosing(this);
    this.copying = new Copying(this);
    this.times = new TimeNavigation(this);
    this.finder = new Finder(() => this.found(), (number) => this.choosing.choose(number));
    this.detail = new Detail(() => link(this.selection.chosen), () => this.copying.copyChosen(), () => this.choosing.choose(0), search);
    this.errors = new ErrorNavigation(this);
    this.filter = new LogFilter(() => this.applyFilter());
    this.wrap = new WrapSwitch(this.lines.scroller);
    this.head = make("div");
    this.verdict = make("p", { class: "verdict", role: "status" });
    this.fold = make("button", { type: "button", class: "fold", title: "What is known of this pilot, and the time line", "aria-expanded": "false", onclick: () => this.switchFacts() }, "Facts");
    this.tools = new Toolbar("In this log", [
      [this.errors.first, 2], [this.errors.steps, 9], [this.errors.last, 1], [this.errors.count, 6],
      [this.finder.element, 8], [this.filter.level, 5], [this.filter.command, 3], [this.wrap.element, 4], [this.following.live, 7],
    ]);
    const printed = make("div", { class: "printed" });
    printRows(printed, () => this.copying.rowsToPrint());
    const { scroller, ruler, empty } = this.lines;
    this.element = make(
      "article", { class: "log", "aria-label": "Chosen log", hidden: true },
      this.head, this.verdict, this.times.timeline.element, this.tools.element,
      make("div", { class: "reading" }, scroller.element, ruler.canvas, empty, this.following.fresh),
      this.detail.element, printed,
    );
    this.wrap.set(isWrapped());
  }

  // Open and close

  /** Show what a place names: another log, another line, other filters. */
  async show(place) {
    const isOther = !this.key || this.key.stamp !== place.log || this.key.vo !== place.logvo;
    if (!place.log) {
      this.leave();
      this.element.hidden = true;
      return;
    }
    this.element.hidden = false;
    if (!isOther) {
      if (Number(place.line) && Number(place.line) !== this.selection.chosen) this.choosing.choose(Number(place.line));
      return;
    }
    this.leave();
    this.key = { stamp: place.log, vo: place.logvo };
    this.stopped = new AbortController();
    this.element.classList.add("loading", "unknown");
    this.head.replaceChildren(wantedHead(place.log, this.close));
    this.verdict.textContent = "";
    this.verdict.className = "verdict";
    this.outline = null;
    this.selection.clear();
    this.detail.show(null);
    this.lines.clear();
    try {
      await this.begin(place);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.verdict.replaceChildren(...explain(error));
      this.verdict.className = "verdict problem";
      if (error.passes) this.polling.unanswered = () => this.showAgain(place);
      else if (!("status" in error)) console.error(error);
    } finally {
      this.element.classList.remove("loading");
    }
  }

  showAgain(place) {
    this.key = null;
    return this.show(place);
  }

  async begin(place) {
    const outline = await ask("outline", this.key, this.stopped.signal);
    this.lines.open();
    this.times.timeline.range = null;
    this.filter.setLevel(place.level);
    this.take(outline, place.command);
    this.element.classList.remove("unknown");
    this.lines.scroller.narrow();
    this.selection.chosen = 0;
    this.following.isOn = false;
    this.choosing.showDetail();
    await this.lines.fill();
    this.finder.at = 0;
    this.finder.use(this.key, this.filter.conditions, place.find);
    const line = Number(place.line);
    if (line) this.choosing.choose(line);
    else if (this.isOpen && !(this.isQuiet && outline.errors.total)) this.following.follow(true);
    else if (outline.errors.total) this.choosing.choose(outline.errors.lines.at(this.isKilled ? -1 : 0));
    else this.lines.scroller.moveTo(Infinity);
    this.polling.schedule();
  }

  leave() {
    this.polling.stop();
    this.stopped?.abort();
    this.lines.store?.stop();
    this.finder.stopped.abort();
    this.key = null;
  }

  /** Of a pilot that was killed, the last error tells most; of one that went on, the first. */
  get isKilled() {
    return this.outline.row?.Finalised === null;
  }

  get isOpen() {
    return this.outline?.row?.State === "Open";
  }

  get isQuiet() {
    return Boolean(this.outline.row?.QuietSince);
  }

  /** Take up what the outline says. */
  take(outline, command = this.filter.command.value) {
    this.outline = outline;
    showHead(this.head, outline, this.close, this.fold);
    const { kind, sentence } = verdictOf(outline);
    this.verdict.textContent = sentence;
    this.verdict.className = `verdict ${kind}`;
    this.times.timeline.show(outline.blocks, instant(outline.row?.LastArrival));
    this.filter.offerCommands(outline.commands, command);
    const longest = Math.min(WIDEST_COMMAND, Math.max(0, ...outline.commands.map(([name]) => name.length)));
    this.lines.setWidth("command", longest && longest + 2);
    this.lines.setWidth("number", Math.max(3, String(outline.lines).length) + 2);
    this.following.allow(this.isOpen);
    this.errors.tellCount();
    this.tools.fold();
    if (outline.row) this.known(outline.row);
  }

  /** Take up the outline of a log that has changed, and the lines that came: more of them, or others. */
  async grow(outline) {
    const { edition, lines } = this.outline;
    const isSame = outline.edition === edition;
    this.lines.store.forget(isSame ? lines : 0); // the last line may have been there in part only
    this.take(outline);
    const shown = this.lines.rows.length;
    await (isSame ? this.lines.extend(lines) : this.lines.fill());
    const came = this.lines.rows.length - shown;
    if (this.following.isOn) this.lines.scroller.moveTo(Infinity);
    else if (came > 0) this.following.tellFresh(came);
    this.lines.want();
    if (this.finder.word) this.finder.use(this.key, this.filter.conditions);
  }

  // What the parts tell

  async applyFilter() {
    this.change(this.filter.chosen);
    const near = this.selection.chosen || this.lines.firstInSight;
    try {
      await this.lines.fill();
    } catch (error) {
      tell(error);
      this.polling.missRows(error);
    }
    this.finder.use(this.key, this.filter.conditions);
    const { rows, scroller } = this.lines;
    scroller.moveTo(this.following.isOn ? Infinity : rows.rowOf(near) - scroller.inSight / 3);
  }

  found() {
    this.change({ find: this.finder.word });
    this.lines.scroller.repaint();
    this.lines.showTicks();
  }

  /** Other rows are in sight. */
  moved({ byHand }) {
    if (!this.outline) return;
    if (byHand) {
      this.following.set(this.isOpen && this.lines.scroller.isAtEnd);
      this.finder.at = this.lines.firstInSight;
    }
    this.lines.want();
    this.times.showSight();
  }

  // Moving

  goByHand(row) {
    this.lines.scroller.moveTo(row);
    this.following.set(this.isOpen && this.lines.scroller.isAtEnd);
  }

  goToStart() {
    this.following.set(false);
    this.lines.scroller.moveTo(0);
  }

  goToEnd() {
    if (this.isOpen) this.following.follow(true);
    else this.lines.scroller.moveTo(Infinity);
  }

  switchFacts() {
    const isOpen = this.element.classList.toggle("unfolded");
    this.fold.setAttribute("aria-expanded", String(isOpen));
  }
}
