import type { Run, Session } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT, type ExitCode } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { openViewer } from "../sessions/data-dir.ts";
import { within } from "../sessions/within.ts";

/** A process that works the session sees the signal within a quarter of a second. */
const PATIENCE_MS = 3_000;

export const sessionsCancel: Command = {
  args: [SESSION],
  options: {
    call: { type: "string", value: "<id>", about: "stop this one tool call; the run goes on" },
    turn: { type: "boolean", about: "stop every call of the turn; the run goes on" },
    rollback: { type: "boolean", about: "take what the runs said out of the conversation as well" },
    reason: { type: "string", value: "<text>", about: "why, for the journal" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Stops the active run and those that wait behind it. From then on nothing new starts; what is running is " +
      "told to stop. Where no process works the session, that takes effect when one opens it.",
  ],
  run: async (call) => {
    checkOne(call);
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    if (await stopsCalls(call, session)) return EXIT.done;
    const reason = call.flags.text("reason");
    const runIds = await session.cancel({
      mode: call.flags.isOn("rollback") ? "rollback" : "interrupt",
      ...(reason === undefined ? {} : { reason }),
    });
    const runs = runIds.map((runId) => session.run(runId));
    return await report(call, { sessionId: session.id, runs });
  },
};

/** The three say different things; one of them would be passed over in silence. */
const checkOne = ({ flags }: Invocation): void => {
  const given = ["--turn", "--rollback"].filter((name) => flags.isOn(name.slice(2)));
  if (flags.text("call") !== undefined) given.unshift("--call");
  if (given.length > 1) throw new UsageError(`${given.join(" and ")} cannot be given together.`);
};

/** Stops one call, or those of the turn; answers whether that was asked for. */
const stopsCalls = async ({ flags, terminal }: Invocation, session: Session<unknown>): Promise<boolean> => {
  const callId = flags.text("call");
  if (callId === undefined && !flags.isOn("turn")) return false;
  const { runId } = await session.snapshot();
  if (callId === undefined) await session.cancelTurn();
  else await session.cancelCall(callId);
  if (flags.isOn("json"))
    terminal.out.line(JSON.stringify({ sessionId: session.id, callId: callId ?? null }));
  else
    terminal.err.line(
      runId === null ? "Nothing to cancel: no run is open." : "It is stopped, and the model will be told.",
    );
  return true;
};

type Cancelled = { readonly sessionId: string; readonly runs: readonly Run<unknown>[] };

const report = async ({ terminal, flags }: Invocation, { sessionId, runs }: Cancelled): Promise<ExitCode> => {
  const { out, err } = terminal;
  const isSettled = await within(PATIENCE_MS, async (signal) => {
    for (const run of runs) await run.outcome({ until: "settled", signal });
    return true;
  });
  if (flags.isOn("json")) {
    out.line(JSON.stringify({ sessionId, runs: runs.map(({ id }) => id), isSettled: isSettled === true }));
    return EXIT.done;
  }
  if (runs.length === 0) err.line("Nothing to cancel: no run is open.");
  for (const run of runs) {
    out.line(isSettled === true ? `${run.id} cancelled` : `${run.id} will be cancelled`);
  }
  if (runs.length > 0 && isSettled !== true) {
    err.line(
      "No process has answered yet. The cancel is recorded: whoever works the session next carries it out.",
    );
  }
  return EXIT.done;
};
