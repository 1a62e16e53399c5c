// SPDX-License-Identifier: GPL-3.0-only
// Numbers of lines that meet conditions, call after call, since the collector looks for two seconds at a time.

import { ask } from "./api.js";
import { limitOf } from "./limits.js";

/**
 * Find numbers until all are there, or enough.
 *
 * @param came called with the numbers so far, and whether that is all
 * @returns where a later call goes on
 */
export async function findAll(key, conditions, { first = 1, most = Infinity, numbers = [], signal, came }) {
  let answer;
  let next = first;
  do {
    answer = await ask("find", { ...key, ...conditions, first: next, limit: limitOf("mostFound") }, signal);
    for (const number of answer.numbers) numbers.push(number);
    next = answer.numbers.length < answer.total ? answer.numbers.at(-1) + 1 : answer.next;
    const isAll = answer.done && answer.numbers.length === answer.total;
    came(numbers, isAll);
    if (isAll) return;
  } while (numbers.length < most && !signal.aborted);
}
