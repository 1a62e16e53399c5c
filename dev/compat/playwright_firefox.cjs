// Lets playwright drive Firefox as Debian ships it: NODE_OPTIONS=--require=<this file> for playwright's driver.
//
// Seen with playwright 1.65.2 and Firefox 153.8 ESR. The patches sit on the messages of WebDriver BiDi between them.
//
// 1. playwright begins each context with emulation.setMediaFeaturesOverride, which this Firefox does not know; its
//    answer would end the launch. Firefox's own window can do the same, and is asked to (hence
//    --remote-allow-system-access). Until "emulation" of Firefox ESR has the command (omni.ja,
//    webdriver-bidi/modules/root/emulation.sys.mjs).
// 2. fill() sets a field's value from a script; what a user typed is more: Enter afterwards fires "change". So the
//    text is inserted by the editor, as in Chromium. Until BiDi has a command for it (bidiInsertText.ts of playwright).
// 3. Firefox has no permission "clipboard-read": it asks the user at each reading. Who grants it, or "clipboard-write",
//    gets Firefox's preference for tests, from then on in all tabs: pages read and write without a user's doing.

const path = require("node:path");

const { ws } = require(path.join(path.dirname(process.argv[1]), "lib", "utilsBundle.js"));
const { send, emit } = ws.prototype;

const MEDIA = "emulation.setMediaFeaturesOverride";
const PERMISSION = "permissions.setPermission";
const FIRST_ID = 2 ** 40; // of our own messages: playwright's never come so far

/** What Firefox's own window does for a connection. */
class Window {
  constructor(socket) {
    this.socket = socket;
    this.lastId = FIRST_ID;
    this.waiting = new Map();
    this.schemes = new Map(); // of user contexts, for the tabs that they will get
  }

  ask(method, params) {
    const id = ++this.lastId;
    const answer = new Promise((resolve) => this.waiting.set(id, resolve));
    send.call(this.socket, JSON.stringify({ id, method, params }));
    return answer;
  }

  /** Run a script with Firefox's own rights; gives what playwright is to be answered. */
  async run(expression) {
    const { result } = await this.ask("browsingContext.getTree", { "moz:scope": "chrome", maxDepth: 0 });
    const target = { context: result.contexts[0].context };
    const done = await this.ask("script.evaluate", { expression, target, awaitPromise: false });
    if (done.type !== "success") return done;
    if (done.result.type === "success") return { type: "success", result: {} };
    return { type: "error", error: "unknown error", message: done.result.exceptionDetails.text };
  }

  /** Set which colours the pages of tabs are told that the user wants: "dark", "light", or "none" for the system's. */
  setScheme(contexts, scheme) {
    return this.run(`{
      const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs");
      for (const id of ${JSON.stringify(contexts)}) {
        const context = NavigableManager.getBrowsingContextById(id);
        if (context) context.top.prefersColorSchemeOverride = ${JSON.stringify(scheme)};
      }
    }`);
  }

  /** Do what a message of playwright's wants; null if that is for the browser. */
  instead({ method, params }) {
    if (method === MEDIA) {
      const scheme = params.features["prefers-color-scheme"] ?? "none";
      for (const one of params.userContexts ?? []) this.schemes.set(one, scheme);
      return params.contexts ? this.setScheme(params.contexts, scheme) : { type: "success", result: {} };
    }
    if (method === PERMISSION && params.descriptor.name.startsWith("clipboard-"))
      return this.run(`Services.prefs.setBoolPref("dom.events.testing.asyncClipboard", ${params.state === "granted"})`);
    return null;
  }

  /** Hear a message first; true if it was an answer to us. */
  hear(message) {
    const { id, method, params } = message;
    if (id > FIRST_ID) {
      this.waiting.get(id)?.(message);
      return this.waiting.delete(id);
    }
    if (method === "browsingContext.contextCreated" && !params.parent) {
      const scheme = this.schemes.get(params.userContext);
      if (scheme) this.setScheme([params.context], scheme);
    }
    return false;
  }
}

const windows = new WeakMap();

ws.prototype.send = function (data, ...rest) {
  if (typeof data === "string" && (data.includes(MEDIA) || data.includes(PERMISSION))) {
    if (!windows.has(this)) windows.set(this, new Window(this));
    const message = JSON.parse(data);
    const answer = windows.get(this).instead(message);
    if (answer) {
      const tell = (told) => emit.call(this, "message", Buffer.from(JSON.stringify({ ...told, id: message.id })), false);
      Promise.resolve(answer).then(tell);
      return;
    }
  }
  const insert = "const inputElement = element;";
  if (typeof data === "string" && data.includes("bidiInsertText") && data.includes(insert))
    data = data.replaceAll(insert, `if (window.document.execCommand('insertText', false, text)) return; ${insert}`);
  send.call(this, data, ...rest);
};

ws.prototype.emit = function (event, data, ...rest) {
  if (event === "message" && windows.get(this)?.hear(JSON.parse(data))) return true;
  return emit.call(this, event, data, ...rest);
};
