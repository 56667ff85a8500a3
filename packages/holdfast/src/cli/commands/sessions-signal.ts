import { ConfigurationError } from "../../core/index.ts";
import { type Command, DATA_DIR, JSON_OUT } from "../parsing/command.ts";
import { EXIT } from "../parsing/exit-code.ts";
import { SESSION } from "../parsing/session-argument.ts";
import { openViewer } from "../sessions/data-dir.ts";

export const sessionsSignal: Command = {
  args: [
    SESSION,
    { name: "key", isRequired: true, about: "what a tool of the session waits for" },
    { name: "value", isRequired: false, about: "what to tell it, as JSON" },
  ],
  options: {
    "idempotency-key": { type: "string", value: "<key>", about: "accept this signal once" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "A signal that comes before anything waits for it is kept. Each is taken by one call, the oldest first.",
  ],
  run: async (call) => {
    await using runtime = await openViewer(call);
    const [id = "", key = "", value] = call.args;
    const session = await runtime.getSession<unknown>(id);
    const idempotencyKey = call.flags.text("idempotency-key");
    await session.signal(key, read(value), idempotencyKey === undefined ? {} : { idempotencyKey });
    const { out, err } = call.terminal;
    if (call.flags.isOn("json")) out.line(JSON.stringify({ sessionId: session.id, key }));
    else err.line("It is kept until a call takes it.");
    return EXIT.done;
  },
};

const read = (text: string | undefined): unknown => {
  if (text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigurationError("OPTION_INVALID", `The value is not JSON: ${text}`, {
      hint: `Text stands in double quotes, and both in single ones for the shell: '${JSON.stringify(text)}'`,
    });
  }
};
