// Lets playwright drive Firefox as Debian ships it: NODE_OPTIONS=--require=<this file> for playwright's driver.
//
// Seen with playwright 1.65.2 and Firefox 153.8 ESR. Both patches sit on the messages of WebDriver BiDi between them.
//
// 1. playwright begins each context with emulation.setMediaFeaturesOverride, which this Firefox does not know; its
//    answer would end the launch. Firefox's own window can do the same, and is asked to (hence --remote-allow-system-access).
//    Until "emulation" of Firefox ESR has the command (omni.ja, webdriver-bidi/modules/root/emulation.sys.mjs).
// 2. fill() sets a field's value from a script; what a user typed is more: Enter afterwards fires "change". So the
//    text is inserted by the editor, as in Chromium. Until BiDi has a command for it (bidiInsertText.ts of playwright).

const path = require("node:path");

const { ws } = require(path.join(path.dirname(process.argv[1]), "lib", "utilsBundle.js"));
const { send, emit } = ws.prototype;

const MEDIA = "emulation.setMediaFeaturesOverride";
const SCHEME = "prefers-color-scheme";
const FIRST_ID = 2 ** 40; // of our own messages: playwright's never come so far

class Colours {
  constructor(socket) {
    this.socket = socket;
    this.lastId = FIRST_ID;
    this.waiting = new Map();
    this.ofUserContexts = new Map();
  }

  ask(method, params) {
    const id = ++this.lastId;
    const answer = new Promise((resolve) => this.waiting.set(id, resolve));
    send.call(this.socket, JSON.stringify({ id, method, params }));
    return answer;
  }

  /** Set what pages are told of the user's colours: "dark", "light", or "none" for the system's. */
  async set(contexts, scheme) {
    const { result } = await this.ask("browsingContext.getTree", { "moz:scope": "chrome", maxDepth: 0 });
    const expression = `{
      const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs");
      for (const id of ${JSON.stringify(contexts)}) {
        const context = NavigableManager.getBrowsingContextById(id);
        if (context) context.top.prefersColorSchemeOverride = ${JSON.stringify(scheme)};
      }
    }`;
    const target = { context: result.contexts[0].context };
    const done = await this.ask("script.evaluate", { expression, target, awaitPromise: false });
    return done.type === "success" && done.result.type !== "success" ? { type: "error", error: "unknown error", message: JSON.stringify(done.result) } : done;
  }

  async override({ id, params }) {
    const scheme = params.features[SCHEME] ?? "none";
    for (const one of params.userContexts ?? []) this.ofUserContexts.set(one, scheme);
    const answer = params.contexts ? await this.set(params.contexts, scheme) : { type: "success", result: {} };
    emit.call(this.socket, "message", Buffer.from(JSON.stringify({ ...answer, id })), false);
  }

  /** Hear a message first; true if it was an answer to us. */
  hear({ id, method, params }, whole) {
    if (id > FIRST_ID) {
      this.waiting.get(id)?.(whole);
      return this.waiting.delete(id);
    }
    if (method === "browsingContext.contextCreated" && !params.parent) {
      const scheme = this.ofUserContexts.get(params.userContext);
      if (scheme) this.set([params.context], scheme);
    }
    return false;
  }
}

const colours = new WeakMap();

ws.prototype.send = function (data, ...rest) {
  if (typeof data === "string" && data.includes(MEDIA)) {
    const message = JSON.parse(data);
    if (message.method === MEDIA) {
      if (!colours.has(this)) colours.set(this, new Colours(this));
      colours.get(this).override(message);
      return;
    }
  }
  const insert = "const inputElement = element;";
  if (typeof data === "string" && data.includes("bidiInsertText") && data.includes(insert))
    data = data.replaceAll(insert, `if (window.document.execCommand('insertText', false, text)) return; ${insert}`);
  send.call(this, data, ...rest);
};

ws.prototype.emit = function (event, data, ...rest) {
  if (event === "message" && colours.has(this)) {
    const message = JSON.parse(data);
    if (colours.get(this).hear(message, message)) return true;
  }
  return emit.call(this, event, data, ...rest);
};
