import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { oneLine } from "../printing/printable.ts";
import { openViewer } from "../sessions/data-dir.ts";

const STATUS_WIDTH = 9;
/** More than a title or a note may have. */
const MOST_CHARS = 400;

export const sessionsTasks: Command = {
  args: [SESSION],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const tasks = await session.tasks();
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify(tasks));
      return EXIT.done;
    }
    if (tasks.length === 0) err.line("No tasks: its agent has kept no list of them.");
    for (const { title, status, note } of tasks)
      out.line(
        `${status.padEnd(STATUS_WIDTH)}${oneLine(title, MOST_CHARS)}${note === undefined ? "" : `  (${oneLine(note, MOST_CHARS)})`}`,
      );
    return EXIT.done;
  },
};
