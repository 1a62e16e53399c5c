// Lets playwright drive a Firefox as Debian ships it: NODE_OPTIONS=--require=<this file> for playwright's driver.
//
// playwright 1.65 begins each context with emulation.setMediaFeaturesOverride, a command of WebDriver BiDi that
// Firefox 153 ESR does not know yet; its answer ends the launch. Here that one message gets an empty answer, and the
// colours that a context is to have come from the profile's preferences (tests/portal/portal_support/firefox.py).
// A page's own emulate_media goes to the browser as it is, and fails there.
//
// Not needed any more once "emulation" in Firefox ESR has the command (see omni.ja, webdriver-bidi/modules/root).

const path = require("node:path");

const COMMAND = "emulation.setMediaFeaturesOverride";
const { ws } = require(path.join(path.dirname(process.argv[1]), "lib", "utilsBundle.js"));
const { send } = ws.prototype;

ws.prototype.send = function (data, ...rest) {
  if (typeof data === "string" && data.includes(COMMAND)) {
    const { id, method, params } = JSON.parse(data);
    if (method === COMMAND && params.userContexts) {
      const answer = Buffer.from(JSON.stringify({ type: "success", id, result: {} }));
      setImmediate(() => this.emit("message", answer, false));
      return;
    }
  }
  send.call(this, data, ...rest);
};
