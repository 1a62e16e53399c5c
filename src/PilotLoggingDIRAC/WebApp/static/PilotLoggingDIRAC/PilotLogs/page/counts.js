// SPDX-License-Identifier: GPL-3.0-only
// Numbers as people read them, with what is counted.

export const number = (count) => count.toLocaleString("en");
export const logsOf = (count) => `${number(count)} log${count === 1 ? "" : "s"}`;
export const linesOf = (count) => `${number(count)} line${count === 1 ? "" : "s"}`;
