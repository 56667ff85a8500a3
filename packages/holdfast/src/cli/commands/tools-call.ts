import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../core/index.ts";
import type { Outcome, Runtime } from "../../runtime/index.ts";
import { type Command, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT, type ExitCode, exitCodeOfOutcome } from "../parsing/exit-code.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { listenForInterrupts } from "../sessions/interrupts.ts";
import { settleInPlace } from "../sessions/settle-in-place.ts";
import type { Told } from "../agent-file/caller-of.ts";

export const toolsCall: Command = {
  args: [
    { name: "agent.ts", isRequired: true, about: "a file that exports an agent" },
    { name: "tool", isRequired: true, about: "a tool of it, as `holdfast tools list` shows it" },
    { name: "input", isRequired: false, about: "its arguments as JSON; {} by default" },
  ],
  options: {
    agent: { type: "string", value: "<name>", about: "which agent, where the file exports several" },
    tenant: { type: "string", value: "<name>", about: "for whom" },
    user: { type: "string", value: "<name>", about: "by whom" },
    json: JSON_OUT,
  },
  notes: [
    "Calls it once, without a model: arguments are checked, approvals asked for and limits held as in any run. What the model would be told goes to " +
      "stdout. Exits with 1 when the call failed.",
    "It is done in a data directory of its own, which is removed at the end with whatever the tool left in its workspace; your sessions are not touched.",
    "What it would wait for is asked on a terminal; elsewhere the run is cancelled.",
  ],
  run: (call) => callTool(call),
};

const callTool = async (call: Invocation): Promise<ExitCode> => {
  const [fileName = "", tool = "", text = "{}"] = call.args;
  const input = inputOf(text);
  const { AgentFile } = await import("../agent-file/load-agent-file.ts");
  const { pickAgent } = await import("../agent-file/agents-in.ts");
  const { callerOf } = await import("../agent-file/caller-of.ts");
  const { createRuntime } = await import("../../runtime/index.ts");
  const agents = await new AgentFile(fileName, call.cwd).load();
  const agent = pickAgent(agents, { file: fileName, wanted: call.flags.text("agent") });
  const found: { told: Told | null } = { told: null };
  const caller = callerOf(agent, { tool, input }, (told) => {
    found.told = told;
  });
  const others = [...new Set(agents.values())].filter((other) => other !== agent);
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-tools-call-"));
  try {
    // In the directory of the file's agents the script would go on with their open runs.
    await using runtime = await createRuntime<never>({
      agents: [caller, ...others],
      dataDir,
      deps: undefined as never,
    });
    return await settle(call, runtime, { agent: agent.name, found });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
};

const inputOf = (text: string): JsonObject => {
  try {
    const input: unknown = JSON.parse(text);
    if (typeof input === "object" && input !== null && !Array.isArray(input)) return input as JsonObject;
  } catch (cause) {
    throw new UsageError(
      `The input is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      EXAMPLE,
    );
  }
  throw new UsageError("The input must be a JSON object.", EXAMPLE);
};

const EXAMPLE = `For example: holdfast tools call agent.ts look '{"place":"harbour"}'`;

type Called = { readonly agent: string; readonly found: { readonly told: Told | null } };

const settle = async (call: Invocation, runtime: Runtime, { agent, found }: Called): Promise<ExitCode> => {
  const { flags, terminal } = call;
  const owner = { tenant: flags.text("tenant"), user: flags.text("user") };
  const given = Object.fromEntries(Object.entries(owner).filter(([, value]) => value !== undefined));
  const session = await runtime.createSession(agent, given);
  const run = await session.send("Call the tool.");
  const stop = new AbortController();
  const dispose = listenForInterrupts({
    onInterrupt: () => void run.cancel("Ctrl-C").catch((error: unknown) => stop.abort(error)),
    onTerminate: () => stop.abort(),
  });
  try {
    const outcome = await settleInPlace(call, { session, run, signal: stop.signal });
    const isOver = found.told !== null && outcome.status === "completed";
    if (isOver) return tell(call, found.told);
    if (flags.isOn("json")) terminal.out.line(JSON.stringify({ outcome }));
    else terminal.err.line(whyNot(outcome));
    return exitCodeOfOutcome(outcome);
  } finally {
    dispose();
  }
};

const whyNot = (outcome: Outcome<unknown>): string => {
  if (outcome.status === "suspended") {
    const kinds = [...new Set(outcome.waitingFor.map(({ kind }) => kind))].join(", ");
    return `The call waits for: ${kinds}. Nobody was there to answer, so it was cancelled; run it on a terminal to be asked.`;
  }
  if (outcome.status === "failed") return `${outcome.failure.code}: ${outcome.failure.message}`;
  return `The run is ${outcome.status}.`;
};

const tell = ({ flags, terminal }: Invocation, told: Told | null): ExitCode => {
  const isFailed = told?.type === "error";
  const code = isFailed ? EXIT.failed : EXIT.done;
  if (flags.isOn("json")) {
    terminal.out.line(JSON.stringify({ output: told }));
    return code;
  }
  const text = typeof told?.value === "string" ? told.value : JSON.stringify(told?.value ?? null, null, 2);
  (isFailed ? terminal.err : terminal.out).line(text);
  return code;
};
