import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const sessionsPause: Command = {
  args: [SESSION],
  options: {
    reason: { type: "string", value: "<text>", about: "why, for the journal" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Nothing new starts in it, in any process, until `holdfast sessions resume`. What is under way comes to its end. " +
      "Inputs are still taken, and cancels carried out.",
  ],
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    await session.pause(call.flags.text("reason"));
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ sessionId: session.id }));
    else err.line("Nothing new starts in it from now on.");
    return EXIT.done;
  },
};
