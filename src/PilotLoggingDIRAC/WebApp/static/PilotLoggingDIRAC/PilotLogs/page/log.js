// The chosen log: its head, its time line, its tools and its lines, and how they move together.

import { ask } from "./api.js";
import { onRetry } from "./away.js";
import { copy } from "./clipboard.js";
import { Detail } from "./detail.js";
import { button, make, whenQuiet } from "./dom.js";
import { Dragging } from "./dragging.js";
import { Finder } from "./finder.js";
import { gather } from "./gather.js";
import { CHOICES, levelsFrom } from "./levels.js";
import { lineRow, markRow, waitingRow } from "./line.js";
import { LinesStore } from "./lines-store.js";
import { showHead, verdictOf, wantedHead } from "./log-head.js";
import { say, tell } from "./notices.js";
import { Toolbar } from "./overflow.js";
import { printRows } from "./printing.js";
import { AllRows, countBelow, SomeRows } from "./rows.js";
import { Ruler } from "./ruler.js";
import { Scroller } from "./scroller.js";
import { messageAround, numbersIn, rawText, rowsOfSelection } from "./selection.js";
import { Timeline } from "./timeline.js";
import { instant } from "./times.js";
import { explained } from "./trouble.js";
import { isWrapped, keepWrapped, onWidthChange } from "./wrapping.js";

const ROW = 20;
const LIVE_PAUSE = 1500;
const QUIET_PAUSE = 15000;
const MOST_TICKS = 20000;
const BLOCK = 500;
const WIDEST_COMMAND = 24;
const MOST_AHEAD = 5000;

export class LogView {
  /**
   * @param change called with the parts of the place that are different now
   * @param link gives the link to a line of this log
   * @param close called when the person wants the list back
   * @param known called with the log's row whenever a newer one is known
   * @param search called with a line whose like is wanted in all logs
   */
  constructor(change, link, close, known, search) {
    this.change = change;
    this.close = close;
    this.known = known;
    this.unanswered = null; // what is to be asked again
    onRetry(() => this.unanswered?.());
    this.key = null;
    this.chosen = 0;
    this.until = 0; // the other end of the chosen lines, if they are several
    this.isFollowing = false;
    this.scroller = new Scroller(ROW, (row) => this.draw(row), (how) => this.moved(how));
    this.scroller.element.setAttribute("role", "list");
    this.scroller.element.setAttribute("aria-label", "Lines of the log");
    this.scroller.element.addEventListener("click", (event) => this.clicked(event));
    new Dragging(this.scroller, {
      lineOf: (row) => this.rows.at(row).n,
      begin: (number) => ([this.chosen, this.until] = [number, 0]),
      move: (number) => this.chooseUntil(number, true),
      end: () => this.chosenByDragging(),
    });
    document.addEventListener("keydown", (event) => this.keyed(event));
    document.addEventListener("copy", (event) => this.copied(event));
    this.fetchAhead = whenQuiet(300, () => this.fetchChosen());
    this.timeline = new Timeline((time) => this.goToTime(time));
    this.ruler = new Ruler((part) => this.goByHand(part * this.rows.length - this.scroller.inSight / 2));
    this.finder = new Finder(() => this.found(), (number) => this.choose(number));
    this.detail = new Detail(() => link(this.chosen), () => this.copyText(), () => this.choose(0), search);
    this.head = make("div");
    this.verdict = make("p", { class: "verdict", role: "status" });
    this.errors = make("span", { class: "errors" });
    this.level = make("select", { "aria-label": "Levels", title: "Which lines are shown (l)", onchange: () => this.filter() }, ...CHOICES.map(([value, text]) => make("option", { value }, text)));
    this.command = make("select", { "aria-label": "Command", title: "Lines of one command only", onchange: () => this.filter() });
    this.live = make("button", { type: "button", class: "live", title: "Follow the log as it grows (t)", onclick: () => this.follow(!this.isFollowing) }, make("span", { class: "dot" }), "Live");
    this.fresh = button("", "Go to the newest line", () => this.follow(true), { class: "fresh", hidden: true });
    this.wrap = make("button", { type: "button", class: "wrap", title: "Wrap long lines (w)", onclick: () => this.switchWrap() }, "Wrap");
    this.fold = make("button", { type: "button", class: "fold", title: "What is known of this pilot, and the time line", "aria-expanded": "false", onclick: () => this.switchFacts() }, "Facts");
    this.tools = new Toolbar("In this log", [
      [button("First error", "The first error (Shift+F)", () => this.goToError(0)), 2],
      [make("span", { class: "group" }, button("↑", "Previous error (E)", () => this.goToError(-1), { class: "icon" }), button("↓", "Next error (e)", () => this.goToError(1), { class: "icon" })), 9],
      [button("Last error", "The last error (Shift+L)", () => this.goToLastError()), 1],
      [this.errors, 6], [this.finder.element, 8], [this.level, 5], [this.command, 3], [this.wrap, 4], [this.live, 7],
    ]);
    this.printed = make("div", { class: "printed" });
    printRows(this.printed, () => this.rowsToPrint());
    this.empty = make("p", { class: "empty", hidden: true });
    this.element = make(
      "article", { class: "log", "aria-label": "Chosen log", hidden: true },
      this.head, this.verdict, this.timeline.element, this.tools.element,
      make("div", { class: "reading" }, this.scroller.element, this.ruler.canvas, this.empty, this.fresh),
      this.detail.element, this.printed,
    );
    this.rows = new AllRows(0, []);
    this.levelWidth = 5;
    this.setWrapped(isWrapped());
    onWidthChange(() => this.setWrapped(isWrapped()));
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
      if (Number(place.line) && Number(place.line) !== this.chosen) this.choose(Number(place.line));
      return;
    }
    this.leave();
    this.isPolling = this.lacksRows = false;
    this.key = { stamp: place.log, vo: place.logvo };
    this.stopped = new AbortController();
    this.element.classList.add("loading", "unknown");
    this.head.replaceChildren(wantedHead(place.log, this.close));
    this.verdict.textContent = "";
    this.verdict.className = "verdict";
    this.outline = null;
    this.chosen = this.until = 0;
    this.detail.show(null);
    this.rows = new AllRows(0, []);
    this.scroller.setTotal(0);
    this.scroller.repaint();
    try {
      await this.begin(place);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.verdict.replaceChildren(...explained(error));
      this.verdict.className = "verdict problem";
      if (error.passes) this.unanswered = () => this.again(place);
      else if (!("status" in error)) console.error(error);
    } finally {
      this.element.classList.remove("loading");
    }
  }

  again(place) {
    this.key = null;
    return this.show(place);
  }

  async begin(place) {
    const outline = await ask("outline", this.key, this.stopped.signal);
    this.store = new LinesStore(this.key, () => this.arrived(), tell);
    this.timeline.range = null;
    this.level.value = CHOICES.some(([value]) => value === place.level) ? place.level : "";
    this.take(outline, place.command);
    this.element.classList.remove("unknown");
    this.scroller.narrow();
    this.chosen = 0;
    this.isFollowing = false;
    this.showDetail();
    await this.fill();
    this.finder.at = 0;
    this.finder.use(this.key, this.conditions, place.find);
    const line = Number(place.line);
    if (line) this.choose(line);
    else if (this.isOpen && !(this.isQuiet && outline.errors.total)) this.follow(true);
    else if (outline.errors.total) this.choose(outline.errors.lines.at(this.isKilled ? -1 : 0));
    else this.scroller.moveTo(Infinity);
    this.schedule();
  }

  leave() {
    clearTimeout(this.timer);
    this.unanswered = null;
    this.stopped?.abort();
    this.store?.stop();
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
  take(outline, command = this.command.value) {
    this.outline = outline;
    showHead(this.head, outline, this.close, this.fold);
    const { kind, sentence } = verdictOf(outline);
    this.verdict.textContent = sentence;
    this.verdict.className = `verdict ${kind}`;
    this.timeline.show(outline.blocks);
    const names = outline.commands.map(([name]) => name);
    this.command.replaceChildren(
      make("option", { value: "" }, "All commands"),
      ...outline.commands.map(([name, messages]) => make("option", { value: name }, `${name || "(none)"} (${messages})`)),
    );
    this.command.hidden = !names.length;
    this.command.value = names.includes(command) ? command : "";
    const longest = Math.min(WIDEST_COMMAND, Math.max(0, ...names.map((name) => name.length)));
    this.scroller.element.style.setProperty("--command", `${longest && longest + 2}ch`);
    this.scroller.element.style.setProperty("--number", `${Math.max(3, String(outline.lines).length) + 2}ch`);
    // Its room stays: nothing moves under the mouse.
    this.live.classList.toggle("gone", !this.isOpen);
    this.live.disabled = !this.isOpen;
    this.tellErrors();
    this.tools.fold();
    if (outline.row) this.known(outline.row);
  }

  // Which lines

  get conditions() {
    return { level: levelsFrom(this.level.value), command: this.command.value ? [this.command.value] : [] };
  }

  get isFiltered() {
    return Boolean(this.level.value || this.command.value);
  }

  async filter() {
    this.change({ level: this.level.value, command: this.command.value });
    const near = this.chosen || this.lineAt(Math.ceil(this.scroller.top));
    try {
      await this.fill();
    } catch (error) {
      tell(error);
      this.missRows(error);
    }
    this.finder.use(this.key, this.conditions);
    if (this.isFollowing) this.scroller.moveTo(Infinity);
    else this.scroller.moveTo(this.rows.rowOf(near) - this.scroller.inSight / 3);
  }

  /** The rows anew: all lines, or those that the filter leaves. */
  async fill() {
    this.filling?.abort();
    this.filling = new AbortController();
    const { signal } = this.filling;
    this.level.classList.toggle("set", Boolean(this.level.value));
    this.command.classList.toggle("set", Boolean(this.command.value));
    if (!this.isFiltered) {
      this.setRows(new AllRows(this.outline.lines, this.outline.marks));
      return;
    }
    await gather(this.key, this.conditions, { signal, came: (numbers) => this.setRows(new SomeRows(numbers)) });
  }

  /** Rows that could not be had come with the next answer. */
  missRows(error) {
    if (!error.passes) return;
    this.lacksRows = true;
    this.unanswered = () => this.poll();
  }

  setRows(rows) {
    this.rows = rows;
    this.scroller.setTotal(rows.length);
    this.scroller.repaint();
    this.empty.textContent = this.isFiltered ? "No line of this log fits the filter." : "The log is empty so far.";
    this.empty.hidden = rows.length > 0;
    this.tick();
  }

  lineAt(row) {
    for (let at = Math.min(row, this.rows.length - 1); at >= 0; at--) {
      const { n } = this.rows.at(at);
      if (n) return n;
    }
    return 1;
  }

  // Drawing

  draw(row) {
    const { n, mark } = this.rows.at(row);
    if (mark) return markRow(mark);
    const line = this.store.get(n);
    if (!line) return waitingRow(n);
    if (line.own && line.level.length > this.levelWidth) {
      this.levelWidth = line.level.length;
      this.scroller.element.style.setProperty("--level", `${this.levelWidth + 2}ch`);
    }
    return lineRow(line, { word: this.finder.word, isChosen: n === this.chosen, isSelected: this.isSelected(n) });
  }

  arrived() {
    this.scroller.refresh((element) => element.classList.contains("waiting"));
    if (this.chosen && !this.until && this.detail.line?.n !== this.chosen) this.showDetail();
    this.want();
  }

  moved({ byHand }) {
    if (!this.outline) return;
    if (byHand) {
      this.setFollowing(this.isOpen && this.scroller.isAtEnd);
      this.finder.at = this.lineAt(Math.ceil(this.scroller.top));
    }
    this.want();
    this.showSight();
  }

  /** Fetch what is in sight, and a screen more on either side. */
  want() {
    if (!this.store) return;
    const numbers = [];
    const add = (from, to) => {
      for (let row = Math.max(0, from); row < Math.min(to, this.rows.length); row++) {
        const { n } = this.rows.at(row);
        if (n) numbers.push(n);
      }
    };
    const { first, last } = this.scroller;
    add(first, last);
    add(last, last + 60);
    add(first - 60, first);
    this.store.want(numbers, this.chosen);
  }

  showSight() {
    const [first, last] = [this.lineAt(Math.floor(this.scroller.top)), this.lineAt(this.scroller.bottom)];
    this.timeline.setSight(this.timeOf(first), Math.max(this.timeOf(first), this.timeOf(last)));
  }

  /** The time of a line: its own if it is here, else by its place in its block. */
  timeOf(number) {
    const known = this.store?.get(number);
    if (known?.time) return instant(known.time);
    const blocks = this.timeline.blocks;
    if (!blocks.length) return null;
    const index = Math.max(0, countBelow(blocks.map((block) => block[0]), number + 1) - 1);
    const [first, from, to] = blocks[index];
    const end = blocks[index + 1]?.[0] ?? this.outline.lines + 1;
    return from + ((to - from) * Math.min(number - first, end - first)) / Math.max(1, end - first);
  }

  tick() {
    const parts = (numbers) => numbers.slice(0, MOST_TICKS).map((number) => this.rows.rowOf(number) / Math.max(1, this.rows.length));
    if (!this.outline) return;
    this.ruler.show([
      ["warn", parts(this.outline.warnings.lines)],
      ["found", this.finder.word ? parts(this.finder.numbers) : []],
      ["mark", parts(this.outline.marks.map((mark) => mark.line))],
      ["error", parts(this.outline.errors.lines)],
      ["chosen", this.chosen ? parts([this.chosen]) : []],
    ]);
  }

  found() {
    this.change({ find: this.finder.word });
    this.scroller.repaint();
    this.tick();
  }

  // Moving

  /** Choose a line and bring it into sight; 0 for none. */
  choose(number) {
    const wanted = number && Math.min(Math.max(1, number), Math.max(1, this.outline?.lines ?? 1));
    this.chosen = wanted;
    this.until = 0;
    if (wanted) {
      this.setFollowing(false);
      this.finder.at = wanted;
      this.finder.tell();
      this.scroller.reveal(this.rows.rowOf(wanted));
    }
    this.scroller.repaint();
    this.showDetail();
    this.tick();
    this.tellErrors();
    this.change({ line: wanted ? String(wanted) : "" });
  }

  showDetail() {
    const line = this.chosen ? this.store?.get(this.chosen) : null;
    if (!line && this.chosen && !this.until) return;
    const height = this.scroller.element.clientHeight;
    if (this.until) {
      const [from, to] = this.selectedRows;
      const [first, last] = [this.lineAt(from), this.lineAt(to)];
      this.detail.showRange(first, last, this.isFiltered ? to - from + 1 : last - first + 1);
    } else {
      this.detail.show(line ?? null);
    }
    // What came up below must not hide the line that it is about.
    if (this.chosen && this.scroller.element.clientHeight < height) this.scroller.reveal(this.rows.rowOf(this.until || this.chosen));
  }

  /** The line below or above the chosen one. */
  chooseNext(step) {
    if (!this.rows.length) return;
    const row = this.chosen ? this.rows.rowOf(this.chosen) + step : Math.ceil(this.scroller.top);
    let at = Math.min(Math.max(row, 0), this.rows.length - 1);
    while (this.rows.at(at).mark && at + step >= 0 && at + step < this.rows.length) at += step;
    this.choose(this.rows.at(at).n ?? this.chosen);
  }

  clicked(event) {
    const row = event.target.closest(".row[data-n]");
    if (event.target.closest("a")) event.preventDefault();
    if (!row) return;
    const number = Number(row.dataset.n);
    if (event.shiftKey) {
      this.chooseUntil(number);
      return;
    }
    if (String(getSelection()).length) return;
    this.choose(number === this.chosen && !event.target.closest("a") ? 0 : number);
  }

  // Several lines

  /** The first and the last of the chosen rows, or null. */
  get selectedRows() {
    if (!this.chosen) return null;
    const rows = [this.rows.rowOf(this.chosen), this.rows.rowOf(this.until || this.chosen)];
    return rows.sort((one, other) => one - other);
  }

  isSelected(number) {
    return this.until > 0 && number >= Math.min(this.chosen, this.until) && number <= Math.max(this.chosen, this.until);
  }

  /** All lines from the chosen one to another. */
  chooseUntil(number, isDragging = false) {
    if (!this.chosen) {
      this.choose(number);
      return;
    }
    this.until = number === this.chosen ? 0 : number;
    this.setFollowing(false);
    for (const element of this.scroller.elements.values()) element.classList.toggle("selected", this.isSelected(Number(element.dataset.n)));
    if (isDragging) return;
    this.showDetail();
    this.scroller.reveal(this.rows.rowOf(number));
    this.fetchAhead();
  }

  /** More lines, or fewer, by the keyboard. */
  extend(step) {
    if (!this.rows.length) return;
    if (!this.chosen) {
      this.chooseNext(0);
      return;
    }
    const direction = Math.sign(step);
    let row = Math.min(Math.max(this.rows.rowOf(this.until || this.chosen) + step, 0), this.rows.length - 1);
    while (this.rows.at(row).mark && row + direction >= 0 && row + direction < this.rows.length) row += direction;
    const { n } = this.rows.at(row);
    if (n) this.chooseUntil(n);
  }

  chooseAll() {
    if (!this.rows.length) return;
    this.chosen = this.lineAt(0);
    this.until = this.lineAt(this.rows.length - 1);
    this.setFollowing(false);
    this.scroller.repaint();
    this.showDetail();
    this.change({ line: String(this.chosen) });
  }

  /** So that they are here when they are copied or printed. */
  fetchChosen() {
    const rows = this.selectedRows;
    if (!rows || !this.until || rows[1] - rows[0] >= MOST_AHEAD) return;
    this.store.read(numbersIn(this.rows, ...rows).numbers, this.stopped.signal).catch(() => undefined);
  }

  chosenByDragging() {
    this.change({ line: String(this.chosen) });
    this.showDetail();
    this.tick();
    this.fetchAhead();
  }

  keyed(event) {
    const isElsewhere = event.target.closest?.("input, select, textarea, dialog, .list") || document.querySelector("dialog[open]");
    if (!this.key || !this.outline || isElsewhere || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroller.inSight) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey) {
      if (event.shiftKey) return;
      if (event.key === "a") this.chooseAll();
      else if (event.key !== "c" || !this.chosen || !getSelection().isCollapsed) return;
      else this.copyText();
    } else if (event.shiftKey && event.key in steps) {
      this.extend(steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** Of several rows, or one that is selected whole, the browser would copy numbers and columns. */
  copied(event) {
    if (!this.key || !this.store || event.target.closest?.("input, textarea")) return;
    const numbers = rowsOfSelection(getSelection(), this.scroller.layer);
    if (!numbers) return;
    event.preventDefault();
    this.copyLines(async () => ({ numbers, marks: 0 }));
  }

  /** The chosen lines as they stand in the log; of one, its whole message. */
  copyText() {
    if (!this.chosen) return;
    const rows = this.selectedRows;
    const whole = async () => ({ numbers: await messageAround(this.store, this.chosen, this.outline.lines, this.stopped.signal), marks: 0 });
    this.copyLines(this.until ? async () => numbersIn(this.rows, ...rows) : whole);
  }

  copyLines(find) {
    let sentence = "";
    const read = async () => {
      const { numbers, marks } = await find();
      const text = await rawText(this.store, numbers, this.stopped.signal);
      const many = numbers.length;
      sentence = many === 1 ? "The line is copied." : `${many.toLocaleString("en")} lines are copied.`;
      if (marks) sentence += ` Between them ${marks === 1 ? "is a gap" : `are ${marks} gaps`}: what is missing there is not copied.`;
      return text;
    };
    copy(read(), () => sentence);
  }

  rowsToPrint() {
    const [first, last] = (this.until && this.selectedRows) || [Math.floor(this.scroller.top), this.rows.length ? this.scroller.bottom : -1];
    return { first, last, at: (row) => this.rows.at(row), get: (number) => this.store?.get(number) };
  }

  // Wrapped lines, and less around them

  switchWrap() {
    keepWrapped(!this.scroller.isWrapped);
    this.setWrapped(!this.scroller.isWrapped);
  }

  setWrapped(wanted) {
    this.wrap.setAttribute("aria-pressed", String(wanted));
    this.scroller.setWrapped(wanted);
  }

  switchFacts() {
    const isOpen = this.element.classList.toggle("unfolded");
    this.fold.setAttribute("aria-expanded", String(isOpen));
  }

  goByHand(row) {
    this.scroller.moveTo(row);
    this.setFollowing(this.isOpen && this.scroller.isAtEnd);
  }

  /** 0: the first error; 1: the next; -1: the one before. */
  async goToError(direction) {
    const { total, lines } = this.outline.errors;
    if (!total) {
      say("This log has no errors.");
      return;
    }
    const here = direction === 0 ? 0 : this.chosen || this.lineAt(Math.ceil(this.scroller.top));
    const index = direction < 0 ? countBelow(lines, here) - 1 : countBelow(lines, here + (this.chosen || !direction ? 1 : 0));
    if (index in lines) {
      this.choose(lines[index]);
    } else if (direction > 0 && total > lines.length) {
      await this.findError(Math.max(here, lines.at(-1)) + 1);
    } else {
      say(direction < 0 ? "There is no error before this line." : "There is no error behind this line.");
    }
  }

  goToLastError() {
    const { lines } = this.outline.errors;
    if (lines.length) this.choose(lines.at(-1));
    else say("This log has no errors.");
  }

  /** Of a log with more errors than its outline lists. */
  async findError(first) {
    try {
      let next = first;
      for (;;) {
        const answer = await ask("find", { ...this.key, level: "ERROR", own: "1", first: next, limit: 1 }, this.stopped.signal);
        if (answer.numbers.length) return this.choose(answer.numbers[0]);
        if (answer.done) return say("There is no error behind this line.");
        next = answer.next;
      }
    } catch (error) {
      return tell(error);
    }
  }

  tellErrors() {
    const { total, lines } = this.outline?.errors ?? { total: 0, lines: [] };
    const at = this.chosen ? lines.indexOf(this.chosen) : -1;
    const many = total.toLocaleString("en");
    this.errors.textContent = total ? (at >= 0 ? `${at + 1} of ${many}` : `${many} error${total > 1 ? "s" : ""}`) : "no errors";
    this.errors.classList.toggle("some", total > 0);
  }

  async goToTime(time) {
    const blocks = this.timeline.blocks;
    const block = blocks.find(([, , last]) => last >= time) ?? blocks.at(-1);
    if (!block) return;
    this.setFollowing(false);
    try {
      const answer = await ask("lines", { ...this.key, first: block[0], count: BLOCK }, this.stopped.signal);
      this.store.keep(answer.lines);
      const number = answer.lines.find((line) => line.own && instant(line.time) >= time)?.n ?? block[0];
      this.scroller.moveTo(this.rows.rowOf(number));
      this.finder.at = number;
    } catch (error) {
      tell(error);
    }
  }

  goToStart() {
    this.setFollowing(false);
    this.scroller.moveTo(0);
  }

  goToEnd() {
    if (this.isOpen) this.follow(true);
    else this.scroller.moveTo(Infinity);
  }

  // Live

  follow(wanted) {
    if (wanted && this.chosen) this.choose(0);
    this.setFollowing(wanted && this.isOpen);
    if (wanted) this.scroller.moveTo(Infinity);
    else this.scroller.letGo();
  }

  setFollowing(isFollowing) {
    this.isFollowing = isFollowing;
    this.live.setAttribute("aria-pressed", String(isFollowing));
    if (isFollowing || this.scroller.isAtEnd) this.fresh.hidden = true;
  }

  /** The list has come anew. If its row of this log is another one than ours, there is something new. */
  compare(rows) {
    const ours = this.outline?.row;
    const row = ours && rows.find((each) => each.Stamp === ours.Stamp && each.VO === ours.VO);
    if (!row || this.unanswered || this.isPolling) return;
    if (row.LastArrival <= ours.LastArrival) this.known(ours);
    if (["LastArrival", "State", "Lines", "ExitCode", "Finalised"].some((name) => row[name] !== ours[name])) this.poll();
  }

  schedule() {
    clearTimeout(this.timer);
    const pause = this.isOpen && !document.hidden ? LIVE_PAUSE : QUIET_PAUSE;
    this.timer = setTimeout(() => this.poll(), pause);
  }

  /** What came meanwhile. A collector that is away is waited for. */
  async poll() {
    const { signal } = this.stopped;
    clearTimeout(this.timer);
    this.isPolling = true;
    this.unanswered = null;
    try {
      const outline = await ask("outline", { ...this.key, version: this.outline.version }, signal);
      if (signal.aborted) return;
      if (outline.unchanged) this.take({ ...this.outline, row: outline.row });
      else await this.grow(outline);
      if (this.lacksRows) await this.fill();
      this.lacksRows = false;
    } catch (error) {
      if (error.name === "AbortError") return;
      tell(error);
      if (!signal.aborted) this.missRows(error);
    } finally {
      if (!signal.aborted) this.isPolling = false;
    }
    if (!signal.aborted && !this.unanswered) this.schedule();
  }

  async grow(outline) {
    const before = this.outline;
    const isSame = outline.edition === before.edition;
    // The last line may have been there in part only.
    this.store.forget(isSame ? before.lines : 0);
    this.take(outline);
    const shown = this.rows.length;
    if (this.isFiltered && isSame) {
      const numbers = this.rows.numbers.filter((number) => number < before.lines);
      await gather(this.key, this.conditions, { first: before.lines || 1, numbers, signal: this.stopped.signal, came: (all) => this.setRows(new SomeRows(all)) });
    } else {
      await this.fill();
    }
    if (this.isFollowing) this.scroller.moveTo(Infinity);
    else if (this.rows.length > shown) this.tellFresh(this.rows.length - shown);
    this.want();
    if (this.finder.word) this.finder.use(this.key, this.conditions);
  }

  tellFresh(lines) {
    const unseen = (this.fresh.hidden ? 0 : Number(this.fresh.dataset.lines)) + lines;
    this.fresh.dataset.lines = unseen;
    this.fresh.textContent = `↓ ${unseen.toLocaleString("en")} new line${unseen > 1 ? "s" : ""}`;
    this.fresh.hidden = false;
  }
}
