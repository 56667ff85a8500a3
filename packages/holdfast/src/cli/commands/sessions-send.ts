import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import type { WhenActive } from "../../core/index.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const sessionsSend: Command = {
  args: [SESSION, { name: "input", isRequired: true, about: "what to say" }],
  options: {
    "when-active": {
      type: "string",
      value: "<way>",
      about: "while a run is active: queue, steer, interrupt or reject (as its agent says)",
    },
    "idempotency-key": { type: "string", value: "<key>", about: "accept this input once" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Hands in an input and does not wait for what comes of it: a process that has the session's agent works it. " +
      "An agent that refuses inputs while a run is active is not known here: say --when-active reject.",
  ],
  run: async (call) => {
    await using runtime = await openViewer(call);
    const session = await runtime.getSession<unknown>(call.args[0] ?? "");
    const run = await session.send(call.args[1] ?? "", optionsOf(call));
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ sessionId: session.id, runId: run.id }));
    else {
      out.line(run.id);
      err.line("It is kept, and a process that has its agent takes it up.");
    }
    return EXIT.done;
  },
};

const optionsOf = ({ flags }: Invocation): { idempotencyKey?: string; whenActive?: WhenActive } => {
  const key = flags.text("idempotency-key");
  const way = flags.text("when-active");
  return {
    ...(key === undefined ? {} : { idempotencyKey: key }),
    // What is none of the four is refused where it is sent.
    ...(way === undefined ? {} : { whenActive: way as WhenActive }),
  };
};
