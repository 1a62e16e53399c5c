// SPDX-License-Identifier: GPL-3.0-only
// Which lines are chosen, and their text as it stands in the log.

import { ask, Failure } from "./api.js";
import { limitOf } from "./limits.js";

export const MOST_COPIED = 50000;
const MOST_CHARACTERS = 20_000_000;
const BLOCK = 500;
const TOO_MANY = `That is more than can be copied at once (${MOST_COPIED.toLocaleString("en")} lines, or 20 MB): the download has all of it.`;

/** The numbers of the lines in rows, and how many marks (gaps) lie between them. Failure if they are too many. */
export function numbersIn(rows, from, to) {
  if (to - from >= MOST_COPIED + 1000) throw new Failure(TOO_MANY, 400);
  const numbers = [];
  let marks = 0;
  for (let row = Math.max(0, from); row <= Math.min(to, rows.length - 1); row++) {
    const { n } = rows.at(row);
    if (n) numbers.push(n);
    else marks++;
  }
  if (numbers.length > MOST_COPIED) throw new Failure(TOO_MANY, 400);
  return { numbers, marks };
}

/** The numbers of a line's message: the line with its header, and all that follows it without one. */
export async function messageAround(store, number, total, signal) {
  const at = async (wanted) => {
    if (!store.get(wanted)) {
      const first = Math.floor((wanted - 1) / BLOCK) * BLOCK + 1;
      return (await store.read(series(first, Math.min(first + BLOCK - 1, total)), signal))[wanted - first];
    }
    return store.get(wanted);
  };
  const line = await at(number);
  if (!line.own && line.time === null) return [number]; // before the first message
  let [first, last] = [number, number];
  while (first > 1 && !(await at(first)).own) checkSize(number - --first);
  while (last < total && !(await at(last + 1)).own) checkSize(++last - first);
  return series(first, last);
}

function checkSize(lines) {
  if (lines >= MOST_COPIED) throw new Failure(`The message of this line is longer. ${TOO_MANY}`, 400);
}

function series(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The lines as they stand in the log, whole; by parts, so that too much is refused before it fills the memory. */
export async function rawText(store, numbers, signal) {
  const texts = [];
  let characters = 0;
  for (let at = 0; at < numbers.length; at += 10 * BLOCK) {
    for (const line of await store.read(numbers.slice(at, at + 10 * BLOCK), signal)) {
      if (characters + (line.size ?? 0) > MOST_CHARACTERS) throw new Failure(TOO_MANY, 400);
      texts.push(line.size ? await wholeLine(store.key, line, signal) : line.text);
      characters += texts.at(-1).length + 1;
      if (characters > MOST_CHARACTERS) throw new Failure(TOO_MANY, 400);
    }
  }
  return texts.join("\n");
}

/** Of a very long line the collector shows the beginning, unless it is asked for more. */
async function wholeLine(key, { n, size }, signal) {
  const longest = limitOf("longestLine");
  const [line] = (await ask("lines", { ...key, numbers: String(n), longest }, signal)).lines;
  if (line && !line.size) return line.text;
  throw new Failure(`Line ${n.toLocaleString("en")} has ${size.toLocaleString("en")} bytes, and at most ${Math.round(longest / 2 ** 20)} MB of a line can be copied: the download has all of it.`, 400);
}

/**
 * The numbers of the rows that the browser's own selection touches; null where it is a part of one cell (a word, a
 * time), which is copied as it is, or stands elsewhere.
 */
export function rowsOfSelection(selection, layer) {
  if (selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const touched = [...layer.querySelectorAll(".row[data-n] > :not(.n)")].filter((cell) => textWithin(range, cell));
  if (!touched.length) return null;
  const [cell] = touched;
  if (touched.length === 1 && (!cell.matches(".text") || textWithin(range, cell) !== cell.textContent)) return null;
  return [...new Set(touched.map((cell) => Number(cell.closest(".row").dataset.n)))];
}

function textWithin(range, element) {
  if (!range.intersectsNode(element)) return "";
  const inner = document.createRange();
  inner.selectNodeContents(element);
  if (range.compareBoundaryPoints(Range.START_TO_START, inner) > 0) inner.setStart(range.startContainer, range.startOffset);
  if (range.compareBoundaryPoints(Range.END_TO_END, inner) < 0) inner.setEnd(range.endContainer, range.endOffset);
  return inner.toString();
}
