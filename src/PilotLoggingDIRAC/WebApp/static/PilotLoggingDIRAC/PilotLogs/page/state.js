// What a log's state means to a person.

/** {name, text, title}: name is for the style. */
export function stateOf(row) {
  if (!row) return { name: "ended", text: "archived", title: "Only its archive knows this log" };
  if (row.State === "Open") return { name: "running", text: "running", title: "The pilot writes, or may still" };
  if (row.Finalised === null) {
    return { name: "silent", text: "silent", title: "Closed without a goodbye: the pilot was killed, or cut off" };
  }
  if (row.ExitCode) return { name: "failed", text: `exit ${row.ExitCode}`, title: `The pilot said goodbye with exit code ${row.ExitCode}` };
  const code = row.ExitCode === 0 ? "exit 0" : "ended";
  return { name: "ended", text: code, title: "The pilot said goodbye" };
}

export function badge(row, make) {
  const { name, text, title } = stateOf(row);
  return make("span", { class: `badge ${name}`, title }, text);
}
