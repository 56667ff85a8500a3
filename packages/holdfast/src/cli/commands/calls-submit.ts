import type { CallerResult } from "../../runtime/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import type { Flags } from "../parsing/flags.ts";
import { parseJsonFlag } from "../parsing/json-flag.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { existingDataDir } from "../sessions/data-dir.ts";

export const callsSubmit: Command = {
  args: [
    {
      name: "agent.ts",
      isRequired: true,
      about: "the file of the session's agent: its tool checks the result",
    },
    SESSION,
    { name: "call", isRequired: true, about: "a call's id, as `holdfast sessions show` shows it" },
  ],
  options: {
    output: { type: "string", value: "<json>", about: "what came of the call" },
    error: { type: "string", value: "<message>", about: "why nothing came of it; the model is told" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Brings the result of a call that the caller runs. The first result counts; the same one again is no error.",
  ],
  run: async (call) => {
    const result = resultOf(call.flags);
    const [fileName = "", sessionId = "", callId = ""] = call.args;
    const dataDir = existingDataDir(call);
    const { AgentFile } = await import("../agent-file/load-agent-file.ts");
    const { createRuntime } = await import("../../runtime/index.ts");
    const agents = await new AgentFile(fileName, call.cwd).load();
    await using runtime = await createRuntime<never>({
      agents: [...new Set(agents.values())],
      dataDir,
      deps: undefined as never,
      isWorker: false,
    });
    await (await runtime.getSession<unknown>(sessionId)).submitResult(callId, result);
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ sessionId, callId }));
    else err.line(`Recorded: the result of ${callId}. A process that has the agent goes on with the run.`);
    return EXIT.done;
  },
};

const resultOf = (flags: Flags): CallerResult => {
  const output = flags.text("output");
  const error = flags.text("error");
  if ((output === undefined) === (error === undefined)) {
    throw new UsageError(
      "Say what came of the call.",
      "Give one of --output '<its result as JSON>', --error \"<why there is none>\".",
    );
  }
  return output === undefined ? { error: error ?? "" } : { output: parseJsonFlag("output", output) };
};
