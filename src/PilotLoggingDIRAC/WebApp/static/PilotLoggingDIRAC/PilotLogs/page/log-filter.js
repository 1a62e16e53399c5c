// SPDX-License-Identifier: GPL-3.0-only
// Which lines of the log are shown: those of some levels, of one command, or all.

import { make } from "./dom.js";
import { CHOICES, levelsFrom } from "./levels.js";

export class LogFilter {
  /** @param changed called when the person chose something else */
  constructor(changed) {
    this.changed = changed;
    this.level = make("select", { "aria-label": "Levels", title: "Which lines are shown (l)", onchange: changed }, ...CHOICES.map(([value, text]) => make("option", { value }, text)));
    this.command = make("select", { "aria-label": "Command", title: "Lines of one command only", onchange: changed });
  }

  get isSet() {
    return Boolean(this.level.value || this.command.value);
  }

  /** For the handler. */
  get conditions() {
    return { level: levelsFrom(this.level.value), command: this.command.value ? [this.command.value] : [] };
  }

  /** For the address. */
  get chosen() {
    return { level: this.level.value, command: this.command.value };
  }

  setLevel(level) {
    this.level.value = CHOICES.some(([value]) => value === level) ? level : "";
  }

  /** The next choice of levels, as a key does it. */
  turnLevel() {
    const values = CHOICES.map(([value]) => value);
    this.level.value = values[(values.indexOf(this.level.value) + 1) % values.length];
    this.changed();
  }

  /** Offer a log's commands: [name, messages] each; the wanted one is chosen if the log has it. */
  offerCommands(commands, wanted) {
    this.command.replaceChildren(
      make("option", { value: "" }, "All commands"),
      ...commands.map(([name, messages]) => make("option", { value: name }, `${name || "(none)"} (${messages})`)),
    );
    this.command.hidden = !commands.length;
    this.command.value = commands.some(([name]) => name === wanted) ? wanted : "";
  }

  /** Make visible which of its fields leave lines out. */
  mark() {
    for (const field of [this.level, this.command]) field.classList.toggle("set", Boolean(field.value));
  }
}
