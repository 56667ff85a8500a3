import { text as readAll } from "node:stream/consumers";
import { ConflictError } from "../../core/index.ts";
import type { AgentDefinition, Outcome, Run, Runtime, Session } from "../../runtime/index.ts";
import type { AgentsOfFile } from "../agent-file/agents-in.ts";
import { type Command, DATA_DIR, type Invocation } from "../parsing/command.ts";
import { dataDirFlag, dataDirOf, existingDataDir } from "../sessions/data-dir.ts";
import { EXIT, type ExitCode, exitCodeOfOutcome } from "../parsing/exit-code.ts";
import { listenForInterrupts } from "../sessions/interrupts.ts";
import { printOutcome } from "../printing/print-outcome.ts";
import { HumanPrinter, jsonPrinter, type RunPrinter } from "../printing/run-printer.ts";
import { UsageError } from "../parsing/usage-error.ts";
import { watchRun } from "../sessions/watch-run.ts";

export const run: Command = {
  args: [
    { name: "agent.ts", isRequired: true, about: "a file that exports an agent" },
    { name: "input", isRequired: false, about: 'what to say to it; "-" reads stdin' },
  ],
  options: {
    agent: { type: "string", value: "<name>", about: "which agent, where the file exports several" },
    session: {
      type: "string",
      value: "<id>",
      about: "go on with this session; without an input, with its open run",
    },
    key: { type: "string", value: "<key>", about: "the session of this key; made on its first use" },
    tenant: { type: "string", value: "<name>", about: "whom a new session belongs to" },
    user: { type: "string", value: "<name>", about: "whose a new session is" },
    "idempotency-key": {
      type: "string",
      value: "<key>",
      about: "accept this input once, however often it is sent",
    },
    "data-dir": DATA_DIR,
    json: { type: "boolean", about: "each event as a line of JSON, the outcome last" },
  },
  notes: [
    "The answer goes to stdout, as it is written where that is a terminal. What tools do goes to stderr.",
    "On a terminal it asks for approvals and answers in place; elsewhere it says what it waits for and exits with 5.",
    "The first Ctrl-C cancels the run and leaves the session in good order, the second stops at once. SIGTERM " +
      "cancels nothing: the run goes on with the next process that opens the session.",
  ],
  run: (call) => runAgent(call),
};

const runAgent = async (call: Invocation): Promise<ExitCode> => {
  const { flags } = call;
  const [fileName = ""] = call.args;
  checkFlags(call);
  const input = await readInput(call);
  if (flags.isOn("session")) existingDataDir(call);
  const { AgentFile } = await import("../agent-file/load-agent-file.ts");
  const { pickAgent } = await import("../agent-file/agents-in.ts");
  const { checkModel } = await import("../agent-file/check-model.ts");
  const file = new AgentFile(fileName, call.cwd);
  const agents = await file.load();
  const wanted = flags.text("agent");
  const agent =
    flags.isOn("session") && wanted === undefined ? null : pickAgent(agents, { file: fileName, wanted });
  if (agent !== null) await checkModel(agent, { path: file.path, cwd: call.cwd });
  const { createRuntime, createSystemClock } = await import("../../runtime/index.ts");
  const startedAt = createSystemClock().now();
  const runtime = await createRuntime({ agents: [...new Set(agents.values())], dataDir: dataDirOf(call) });
  try {
    const session = await openSession(call, runtime, { agent, agents });
    const opened = await openRun(call, session, { input, startedAt });
    if (opened === null) {
      call.terminal.err.line(`Session ${session.id} has no open run.`);
      return EXIT.done;
    }
    return await watch(call, runtime, { session, ...opened });
  } finally {
    await runtime.close();
  }
};

const checkFlags = ({ flags, args }: Invocation): void => {
  if (flags.isOn("session") && flags.isOn("key")) throw new UsageError("Give --session or --key, not both.");
  if (args[1] !== undefined || flags.isOn("session")) return;
  throw new UsageError("There is no input.", 'Usage: holdfast run <agent.ts> "<input>"');
};

const readInput = async ({ args }: Invocation): Promise<string | undefined> => {
  const input = args[1] === "-" ? await readAll(process.stdin) : args[1];
  if (input === undefined || input.trim() !== "") return input;
  throw new UsageError("The input is empty.");
};

/** A run on its way, and from when on what it does is news. */
type OpenedRun = { readonly run: Run<unknown>; readonly since: number };

type Chosen = { readonly agent: AgentDefinition<unknown> | null; readonly agents: AgentsOfFile };

const openSession = async (call: Invocation, runtime: Runtime, chosen: Chosen): Promise<Session<unknown>> => {
  const { flags } = call;
  const id = flags.text("session");
  if (id === undefined && chosen.agent !== null) {
    const owner = { key: flags.text("key"), tenant: flags.text("tenant"), user: flags.text("user") };
    const given = Object.fromEntries(Object.entries(owner).filter(([, value]) => value !== undefined));
    return await runtime.createSession(chosen.agent, given);
  }
  const session = await runtime.getSession<unknown>(id ?? "");
  const { agent } = await session.snapshot();
  const names = [...chosen.agents.values()].map(({ name }) => name);
  if (names.includes(agent)) return session;
  throw new ConflictError(
    "AGENT_NOT_FOUND",
    `Session ${session.id} belongs to agent "${agent}", which this file does not export.`,
    {
      hint: `It exports: ${names.join(", ")}.`,
    },
  );
};

/** Sends the input; without one, finds the run that is open. */
const openRun = async (
  call: Invocation,
  session: Session<unknown>,
  { input, startedAt }: { readonly input: string | undefined; readonly startedAt: number },
): Promise<OpenedRun | null> => {
  if (input !== undefined) {
    const idempotencyKey = call.flags.text("idempotency-key");
    const run = await session.send(input, idempotencyKey === undefined ? {} : { idempotencyKey });
    return { run, since: 0 };
  }
  const { runId, queuedRuns } = await session.snapshot();
  const open = runId ?? queuedRuns[0];
  return open === undefined ? null : { run: session.run(open), since: startedAt };
};

type Watched = { readonly outcome: Outcome<unknown> | null; readonly printer: RunPrinter };

/** Shows the run; on a terminal, what it waits for is asked in place, as long as somebody answers. */
const watchAndAsk = async (
  { terminal, flags }: Invocation,
  { session, run: watched, since }: OpenedRun & { readonly session: Session<unknown> },
  signal: AbortSignal,
): Promise<Watched> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const clock = createSystemClock();
  const isJson = flags.isOn("json");
  const mayAsk = !isJson && process.stdin.isTTY && terminal.err.isTty;
  for (let from = since; ;) {
    const printer = isJson
      ? jsonPrinter(terminal, session.id)
      : new HumanPrinter(terminal, { runId: watched.id, since: from });
    const outcome = await watchRun({ session, run: watched, printer, signal });
    if (!mayAsk || outcome?.status !== "suspended") return { outcome, printer };
    from = clock.now();
    const { LineReader } = await import("../dev/line-reader.ts");
    const { askInPlace } = await import("../sessions/ask-in-place.ts");
    const reader = new LineReader(() => reader.close());
    try {
      const asking = { terminal, session, reader, now: () => clock.now(), signal };
      if (!(await askInPlace(asking))) return { outcome, printer };
    } finally {
      reader.close();
    }
  }
};

const watch = async (
  call: Invocation,
  runtime: Runtime,
  { session, run: watched, since }: OpenedRun & { readonly session: Session<unknown> },
): Promise<ExitCode> => {
  const { terminal, flags } = call;
  const { err } = terminal;
  const isJson = flags.isOn("json");
  const stop = new AbortController();
  const seen = { isInterrupted: false };
  const dispose = listenForInterrupts({
    onInterrupt: () => {
      seen.isInterrupted = true;
      err.line("\nCancelling the run; Ctrl-C again stops at once.");
      watched.cancel("Ctrl-C").catch((error: unknown) => stop.abort(error));
    },
    onTerminate: () => stop.abort(),
  });
  const place = { sessionId: session.id, dataDir: dataDirFlag(call) };
  try {
    if (!isJson) err.line(err.paint("dim", `session ${session.id}`));
    const { outcome, printer } = await watchAndAsk(call, { session, run: watched, since }, stop.signal);
    if (outcome === null) {
      err.line("Letting go of the run in good order. It goes on with:");
      err.line(
        `  ${err.paint("bold", `holdfast run ${call.args[0] ?? ""} --session ${session.id}${place.dataDir}`)}`,
      );
      await runtime.close();
      return EXIT.terminated;
    }
    printer.finish(outcome);
    if (!isJson) printOutcome(terminal, outcome, place);
    return seen.isInterrupted && outcome.status === "cancelled"
      ? EXIT.interrupted
      : exitCodeOfOutcome(outcome);
  } finally {
    dispose();
  }
};
