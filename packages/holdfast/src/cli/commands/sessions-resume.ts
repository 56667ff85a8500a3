import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { ConflictError } from "../../core/index.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const sessionsResume: Command = {
  args: [SESSION],
  options: { "data-dir": DATA_DIR, json: JSON_OUT },
  notes: [
    'For a session that was paused, and for a run that waits for an operator: processes kept dying on it, or it came out of a backup, or it asks whether it goes on with another definition of its agent (`onUpgrade: "ask"`; `sessions cancel` says no). Find out why ' +
      "first; `holdfast sessions events` tells what was in flight.",
  ],
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const { runId, waitingFor, status, isPaused, unreadSignals } = await session.snapshot();
    // A pause that nobody has read yet can be taken back.
    const isHeld = isPaused || unreadSignals > 0 || waitingFor.some(({ kind }) => kind === "operator");
    if (!isHeld) {
      throw new ConflictError(
        "CALL_NOT_WAITING",
        `Session ${session.id} does not wait for an operator: it is ${status}.`,
        {
          hint: "`holdfast sessions show` says what it waits for.",
        },
      );
    }
    await session.resume();
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ sessionId: session.id, runId }));
    else err.line("It may go on: a process that has its agent takes it up.");
    return EXIT.done;
  },
};
