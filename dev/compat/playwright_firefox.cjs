// Lets playwright drive Firefox as Debian ships it: NODE_OPTIONS=--require=<this file> for playwright's driver.
//
// Seen with playwright 1.65.2 and Firefox 153.8 ESR. Both patches sit on the messages of WebDriver BiDi between them.
//
// 1. playwright begins each context with emulation.setMediaFeaturesOverride, which this Firefox does not know; its
//    answer ends the launch. That one message gets an empty answer here, and the colours that a context is to have
//    come from the profile's preferences (tests/portal/portal_support/firefox.py). A page's own emulate_media goes to
//    the browser as it is, and fails there. Until "emulation" of Firefox ESR has the command (omni.ja,
//    webdriver-bidi/modules/root/emulation.sys.mjs).
// 2. fill() sets a field's value from a script; what a user typed is more: Enter afterwards fires "change". So the
//    text is inserted by the editor, as in Chromium. Until BiDi has a command for it (bidiInsertText.ts of playwright).

const path = require("node:path");

const MEDIA = "emulation.setMediaFeaturesOverride";
const INSERT = "const inputElement = element;";
const { ws } = require(path.join(path.dirname(process.argv[1]), "lib", "utilsBundle.js"));
const { send } = ws.prototype;

ws.prototype.send = function (data, ...rest) {
  if (typeof data === "string" && data.includes(MEDIA)) {
    const { id, method, params } = JSON.parse(data);
    if (method === MEDIA && params.userContexts) {
      const answer = Buffer.from(JSON.stringify({ type: "success", id, result: {} }));
      setImmediate(() => this.emit("message", answer, false));
      return;
    }
  }
  if (typeof data === "string" && data.includes("bidiInsertText") && data.includes(INSERT))
    data = data.replaceAll(INSERT, `if (window.document.execCommand('insertText', false, text)) return; ${INSERT}`);
  send.call(this, data, ...rest);
};
