// SPDX-License-Identifier: GPL-3.0-only
// The lines of one log that are here, fetched by blocks when somebody looks at them; the oldest are forgotten.

import { ask, Failure } from "./api.js";

const BLOCK = 500;
const MOST_KEPT = 60000;
const AT_ONCE = 3;
const MOST_NUMBERS = 300;
const PAUSE = 3000;

export class LinesStore {
  /**
   * @param key {stamp, vo}
   * @param arrived called when lines have come
   * @param failed called with an error
   */
  constructor(key, arrived, failed) {
    this.key = key;
    this.arrived = arrived;
    this.failed = failed;
    this.lines = new Map();
    this.wanted = [];
    this.running = new Map();
    this.stopped = new AbortController();
    this.pause = 0;
  }

  get(number) {
    return this.lines.get(number);
  }

  /**
   * Say which lines are looked at now, the most important first; earlier wishes are forgotten.
   *
   * @param alone a line elsewhere, or 0
   */
  want(numbers, alone) {
    const missing = numbers.filter((number) => !this.lines.has(number));
    this.wanted = missing.length ? requestsFor(missing) : [];
    if (alone && !this.lines.has(alone) && !missing.includes(alone)) this.wanted.unshift({ numbers: String(alone) });
    this.fetch();
  }

  fetch() {
    while (this.wanted.length && this.running.size < AT_ONCE && Date.now() >= this.pause) {
      const request = this.wanted.shift();
      const name = JSON.stringify(request);
      if (this.running.has(name)) continue;
      this.running.set(name, request);
      this.load(request).finally(() => {
        this.running.delete(name);
        this.fetch();
      });
    }
  }

  async load(request) {
    let rest = request;
    try {
      while (rest) {
        const answer = await ask("lines", { ...this.key, ...rest }, this.stopped.signal);
        if (!answer.lines.length) return this.rest(null); // what we know of the log is not so any more
        this.keep(answer.lines);
        this.arrived();
        rest = answer.more && answer.lines.length ? restOf(rest, answer.lines.at(-1).n) : null;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      this.rest(error);
    }
  }

  /**
   * Lines by their numbers, from here or from the collector; none is left out.
   *
   * @param numbers ascending
   */
  async read(numbers, signal) {
    const found = new Map();
    const missing = [];
    for (const number of numbers) {
      if (this.lines.has(number)) found.set(number, this.lines.get(number));
      else missing.push(number);
    }
    for (const request of missing.length ? requestsFor(missing) : []) {
      for (let rest = request; rest; ) {
        const answer = await ask("lines", { ...this.key, ...rest }, signal);
        for (const line of answer.lines) found.set(line.n, line);
        this.keep(answer.lines);
        rest = answer.more && answer.lines.length ? restOf(rest, answer.lines.at(-1).n) : null;
      }
    }
    if (numbers.some((number) => !found.has(number))) throw new Failure("The log has changed meanwhile: please try again.");
    return numbers.map((number) => found.get(number));
  }

  /** Ask for nothing for a while. */
  rest(error) {
    this.pause = Date.now() + PAUSE;
    setTimeout(() => !this.stopped.signal.aborted && this.arrived(), PAUSE + 100);
    if (error) this.failed(error);
  }

  keep(lines) {
    for (const line of lines) {
      this.lines.delete(line.n); // so that it counts as new
      this.lines.set(line.n, line);
    }
    if (this.lines.size <= MOST_KEPT) return;
    const leaving = this.lines.size - MOST_KEPT + MOST_KEPT / 4;
    let left = 0;
    for (const number of this.lines.keys()) {
      if (left++ >= leaving) break;
      this.lines.delete(number);
    }
  }

  /** Forget the lines from a number on: they have changed, or may have. */
  forget(from = 0) {
    if (from <= 1) this.lines.clear();
    else for (const number of [...this.lines.keys()]) if (number >= from) this.lines.delete(number);
  }

  stop() {
    this.wanted = [];
    this.stopped.abort();
  }
}

/** Neighbours are asked for by whole blocks, so that the same block has one name; lines that stand alone by number. */
function requestsFor(missing) {
  const ascending = [...missing].sort((one, other) => one - other);
  const isDense = ascending.at(-1) - ascending[0] < 4 * ascending.length + 2;
  if (!isDense) {
    const requests = [];
    for (let at = 0; at < ascending.length; at += MOST_NUMBERS) {
      requests.push({ numbers: ascending.slice(at, at + MOST_NUMBERS).join(",") });
    }
    return requests;
  }
  const blocks = new Set(missing.map((number) => Math.floor((number - 1) / BLOCK)));
  return [...blocks].map((block) => ({ first: block * BLOCK + 1, count: BLOCK }));
}

function restOf(request, last) {
  if (request.numbers) {
    const left = request.numbers.split(",").filter((number) => Number(number) > last);
    return left.length ? { numbers: left.join(",") } : null;
  }
  const left = request.first + request.count - (last + 1);
  return left > 0 ? { first: last + 1, count: left } : null;
}
