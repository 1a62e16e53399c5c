// SPDX-License-Identifier: GPL-3.0-only
// What the modules of the page find in a browser, as little of it as these tests need.

const PAGE = "../../src/PilotLoggingDIRAC/WebApp/static/PilotLoggingDIRAC/PilotLogs/page/";

export const page = (name) => import(`${PAGE}${name}`);

/** Stand at an address, in the page of a VO. */
export function stand(address, data = {}) {
  const at = new URL(address, "https://portal.example.org");
  const go = (_state, _title, next) => stand(next, data);
  Object.assign(globalThis, { location: at, document: { body: { dataset: data } }, history: { pushState: go, replaceState: go } });
}

/** Answer what the page asks: `answer` gets method and parameters; gives the value, or throws {status, error}. */
export function answerWith(answer) {
  const asked = [];
  globalThis.fetch = async (address, { signal } = {}) => {
    const url = new URL(address, "https://portal.example.org/DIRAC/PilotLogs/");
    const method = url.pathname.split("/").at(-1);
    await null; // never in the same moment
    signal?.throwIfAborted();
    asked.push([method, Object.fromEntries(url.searchParams)]);
    try {
      return Response.json(answer(method, url.searchParams));
    } catch (refusal) {
      return Response.json({ error: refusal.error }, { status: refusal.status });
    }
  };
  return asked;
}

/** Let what was begun come to its end. */
export const settle = () => new Promise((done) => setTimeout(done, 20));
