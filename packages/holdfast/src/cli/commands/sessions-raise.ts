import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const sessionsRaise: Command = {
  args: [SESSION],
  options: {
    usd: { type: "string", value: "<dollars>", about: "US dollars to add" },
    tokens: { type: "string", value: "<count>", about: "tokens to add" },
    budget: {
      type: "string",
      value: "<name>",
      about: '"run" or a budget; by default the one that is waited for',
    },
    by: { type: "string", value: "<name>", about: "who says so, for the journal" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "For the run that is open, and for it alone. One that waits for this goes on in a process that has its agent.",
  ],
  run: async (call) => {
    const usd = usdOf(call.flags);
    const tokens = call.flags.count("tokens");
    if (usd === undefined && tokens === undefined)
      throw new UsageError("How much? Give --usd, --tokens, or both.");
    const budget = call.flags.text("budget");
    const by = call.flags.text("by");
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const { runId } = await session.snapshot();
    await session.raiseBudget({
      ...(usd === undefined ? {} : { addCostUsd: usd }),
      ...(tokens === undefined ? {} : { addTokens: tokens }),
      ...(budget === undefined ? {} : { budget }),
      ...(by === undefined ? {} : { by }),
    });
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ sessionId: session.id, runId }));
    else err.line("It may go on: a process that has its agent takes it up.");
    return EXIT.done;
  },
};

const usdOf = (flags: Flags): number | undefined => {
  const value = flags.text("usd");
  if (value === undefined) return undefined;
  const usd = Number(value);
  if (value.trim() !== "" && Number.isFinite(usd) && usd > 0) return usd;
  throw new UsageError(`--usd takes a number of dollars above 0, not "${value}".`);
};
