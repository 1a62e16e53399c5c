// SPDX-License-Identifier: GPL-3.0-only
// What the time line shows of a log's blocks: over which time, and how high each part of a bar is.

const FAR = 30 * 86400_000; // no pilot is silent for so long: what lies beyond is a wrong clock
export const LEAST = 6; // pixels: in a bar of fewer a mark of errors could not be seen beside the rest
const MARK = 3;
const MARKED = ["error", "warn"];

/**
 * The time that most of a log's blocks are of, with blocks that keep to it.
 * @param blocks [firstLine, firstTime, lastTime, ...counts] each
 * @param arrival when the log arrived, in milliseconds: decides where as many times are of one age as of another
 * @returns {from, to, blocks, before, after}: before and after are the farthest times that are left out, or null
 */
export function scaleOf(blocks, arrival = null) {
  const times = blocks.flatMap(([, first, last]) => [first, last]).sort((one, other) => one - other);
  const groups = [];
  for (const time of times) {
    const group = groups.at(-1);
    if (group && time - group.at(-1) < FAR) group.push(time);
    else groups.push([time]);
  }
  const off = (group) => (arrival === null ? 0 : Math.min(...[group[0], group.at(-1)].map((time) => Math.abs(time - arrival))));
  groups.sort((one, other) => other.length - one.length || off(one) - off(other));
  const [from, to] = [groups[0]?.[0] ?? 0, groups[0]?.at(-1) ?? 0];
  const sound = (time) => time !== undefined && time >= from && time <= to;
  const kept = blocks.map((block, place) => {
    const [line, first, last, ...counts] = block;
    if (sound(first) === sound(last)) return block;
    const [before, after] = [blocks[place - 1]?.[2], blocks[place + 1]?.[1]];
    if (sound(first)) return [line, first, Math.max(first, sound(after) ? after : first), ...counts];
    return [line, Math.min(last, sound(before) ? before : last), last, ...counts];
  });
  return { from, to, blocks: kept, before: times[0] < from ? times[0] : null, after: times.at(-1) > to ? times.at(-1) : null };
}

/**
 * The heights of a bar's parts; together they are the bar's. Errors and warnings are seen however few they are, and
 * never take the place of all the rest.
 * @param bar the lines of each kind
 */
export function partsOf(bar, height) {
  const kinds = Object.keys(bar).filter((kind) => bar[kind] > 0);
  const all = kinds.reduce((sum, kind) => sum + bar[kind], 0);
  const mark = Math.min(MARK, height / (kinds.length + 1));
  const parts = kinds.map((kind) => [kind, Math.max(MARKED.includes(kind) ? mark : 0, (height * bar[kind]) / all)]);
  const sum = parts.reduce((total, [, part]) => total + part, 0);
  return Object.fromEntries(parts.map(([kind, part]) => [kind, (part * height) / sum]));
}
