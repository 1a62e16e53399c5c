// SPDX-License-Identifier: GPL-3.0-only
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerWith, page } from "./browser.mjs";

const { address, ask } = await page("api.js");

test("empty parameters are left out, lists are repeated", () => {
  assert.equal(address("list", { site: ["A b", "C&D"], text: "", start: 0, since: null, until: undefined }), "list?site=A+b&site=C%26D&start=0");
});

test("a refusal is the portal's own sentence, and does not pass", async () => {
  answerWith(() => {
    throw { status: 400, error: "start is not a whole number." };
  });
  await assert.rejects(ask("list"), { message: "start is not a whole number.", status: 400, passes: false });
});

test("a network that is away passes", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  await assert.rejects(ask("list"), { status: 0, passes: true, message: /The portal does not answer/ });
});

test("an answer that is no JSON is told by its number", async () => {
  globalThis.fetch = async () => new Response("<html>", { status: 502 });
  await assert.rejects(ask("list"), { status: 502, passes: true, message: /HTTP 502/ });
});
