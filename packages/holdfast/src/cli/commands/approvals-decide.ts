import type { Decision } from "../../runtime/index.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT, type OptionSpec } from "../parsing/command.ts";
import { EXIT, type ExitCode } from "../parsing/exit-code.ts";
import { parseJsonFlag } from "../parsing/json-flag.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { openViewer } from "../sessions/data-dir.ts";
import { APPROVAL } from "../sessions/pending-approval.ts";

const BY: OptionSpec = { type: "string", value: "<name>", about: "who decides, for the journal" };
const SHARED = { by: BY, "data-dir": DATA_DIR, json: JSON_OUT };

export const approvalsApprove: Command = {
  args: [APPROVAL],
  options: {
    remember: {
      type: "string",
      value: "run|session",
      about: "good for later calls of this tool too, in this run or session",
    },
    ...SHARED,
  },
  notes: ["The first decision counts; the same one again is no error."],
  run: (call) => {
    const remember = call.flags.oneOf("remember", ["run", "session"] as const);
    return decide(call, {
      verdict: "approve",
      ...by(call),
      ...(remember === undefined ? {} : { remember }),
    });
  },
};

export const approvalsDeny: Command = {
  args: [APPROVAL],
  options: {
    message: { type: "string", value: "<text>", about: "what the model is told" },
    ...SHARED,
  },
  notes: ["The call is not run. The model is told, and goes on without it."],
  run: (call) => {
    const message = call.flags.text("message");
    return decide(call, { verdict: "reject", ...by(call), ...(message === undefined ? {} : { message }) });
  },
};

export const approvalsEdit: Command = {
  args: [APPROVAL],
  options: {
    input: { type: "string", value: "<json>", about: "the arguments to run it with" },
    ...SHARED,
  },
  notes: [
    "Approves the call with other arguments. They are checked by the tool where the run goes on; arguments that do " +
      "not fit are not used, and the call is asked about again.",
  ],
  run: (call) => {
    const text = call.flags.text("input");
    if (text === undefined) {
      throw new UsageError(
        "Say what to run it with.",
        "Give --input '<its arguments as JSON>'. `holdfast approvals show` shows what was proposed.",
      );
    }
    return decide(call, { verdict: "approve", ...by(call), input: parseJsonFlag("input", text) });
  },
};

const by = ({ flags }: Invocation): { readonly by?: string } => {
  const name = flags.text("by");
  return name === undefined ? {} : { by: name };
};

const decide = async (call: Invocation, decision: Decision): Promise<ExitCode> => {
  const approvalId = call.args[0] ?? "";
  await using runtime = await openViewer(call);
  await runtime.decide(approvalId, decision);
  const { out, err } = call.terminal;
  if (call.flags.isOn("json")) out.line(JSON.stringify({ approvalId, verdict: decision.verdict }));
  else
    err.line(
      `Recorded: ${decision.verdict === "approve" ? "approved" : "rejected"}. A process that has the agent goes on with the run.`,
    );
  return EXIT.done;
};
