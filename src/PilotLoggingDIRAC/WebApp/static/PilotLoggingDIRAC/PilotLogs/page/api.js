// SPDX-License-Identifier: GPL-3.0-only
// What the portal's handler is asked. Every failure becomes one sentence for a person.

import { noteAnswer, noteFailure, noteRequest } from "./connection.js";

/** Something went wrong; the message may be shown as it is. */
export class Failure extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }

  /** Whether the same may work later. */
  get passes() {
    return this.status === 0 || this.status >= 500;
  }
}

/** The address of a request: empty parameters are left out, lists are repeated. */
export function address(method, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== "" && each !== undefined && each !== null) query.append(name, each);
    }
  }
  return `${method}?${query}`;
}

/**
 * Ask a method of the handler; an aborted request throws the browser's AbortError.
 *
 * A failure that may pass is told by the banner, and by nobody else.
 */
export async function ask(method, parameters = {}, signal = undefined) {
  const isOver = noteRequest(method);
  try {
    const value = await answerOf(method, parameters, signal);
    noteAnswer(method);
    return value;
  } catch (error) {
    if (error.passes) noteFailure(method, error.message);
    else if ("passes" in error) noteAnswer(method);
    throw error;
  } finally {
    isOver();
  }
}

async function answerOf(method, parameters, signal) {
  let reply;
  try {
    reply = await fetch(address(method, parameters), { signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(
      "The portal does not answer: is there a network? If your certificate has expired meanwhile, import the new one and load this page again.",
    );
  }
  let value;
  try {
    value = await reply.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(`The portal gave an answer that is none (HTTP ${reply.status}).`, reply.status);
  }
  if (!reply.ok) throw new Failure(value.error ?? `The portal refused (HTTP ${reply.status}).`, reply.status);
  return value;
}
