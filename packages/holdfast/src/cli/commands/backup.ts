import { relative, resolve } from "node:path";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const backup: Command = {
  args: [{ name: "path", isRequired: true, about: "a directory that does not exist yet" }],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes: [
    "Writes a consistent copy while others go on working. Runs that were open in it wait for an operator when it " +
      "is used, because what was done after the copy is not in it.",
  ],
  run: async (call) => {
    const path = resolve(call.cwd, call.args[0] ?? "");
    await using runtime = await openViewer(call);
    await runtime.store.backup(path);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ path }));
    else err.line(`Written to ${relative(call.cwd, path) || path}. Look into it with --data-dir.`);
    return EXIT.done;
  },
};
