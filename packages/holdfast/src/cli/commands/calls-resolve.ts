import type { Resolution } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { parseJsonFlag } from "../parsing/json-flag.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { dataDirFlag, openViewer } from "../sessions/data-dir.ts";

export const callsResolve: Command = {
  args: [
    SESSION,
    { name: "call", isRequired: true, about: "a call's id, as `holdfast sessions show` shows it" },
  ],
  options: {
    done: { type: "string", value: "<json>", about: "it took place, and this is its result" },
    failed: { type: "string", value: "<message>", about: "it did not take place; the model is told this" },
    retry: { type: "boolean", about: "it did not take place: run it again, with the same idempotency key" },
    by: { type: "string", value: "<name>", about: "who found out, for the journal" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: ["Says what became of a call whose outcome nobody knows. The first answer counts."],
  run: async (call) => {
    const resolution = resolutionOf(call.flags);
    const [sessionId = "", callId = ""] = call.args;
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(sessionId);
    await session.resolveCall(callId, resolution);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) {
      out.line(JSON.stringify({ sessionId, callId, as: resolution.as }));
      return EXIT.done;
    }
    err.line(
      `Recorded: ${callId} ${WORDS[resolution.as]}. A process that has the agent goes on with the run:`,
    );
    err.line(`  ${err.paint("bold", `holdfast run <agent.ts> --session ${sessionId}${dataDirFlag(call)}`)}`);
    return EXIT.done;
  },
};

const WORDS = { completed: "took place", failed: "did not take place", retry: "runs again" } as const;

const resolutionOf = (flags: Flags): Resolution => {
  const given = ["done", "failed", "retry"].filter((name) => flags.isOn(name));
  if (given.length !== 1) {
    throw new UsageError(
      "Say what became of the call.",
      "Give one of --done '<json>', --failed \"<message>\", --retry.",
    );
  }
  const by = flags.text("by");
  const who = by === undefined ? {} : { by };
  if (flags.isOn("retry")) return { as: "retry", ...who };
  const message = flags.text("failed");
  if (message !== undefined) return { as: "failed", message, ...who };
  return { as: "completed", output: parseJsonFlag("done", flags.text("done") ?? ""), ...who };
};
