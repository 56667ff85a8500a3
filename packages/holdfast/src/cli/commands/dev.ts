import type { Run } from "../../runtime/index.ts";
import type { AgentFile } from "../agent-file/load-agent-file.ts";
import type { LineReader } from "../dev/line-reader.ts";
import type { LiveAgent } from "../dev/live-agent.ts";
import type { Turnstile } from "../dev/turnstile.ts";
import { type Command, DATA_DIR, type Invocation, JSON_OUT } from "../parsing/command.ts";
import { EXIT, type ExitCode } from "../parsing/exit-code.ts";
import { printError } from "../printing/print-error.ts";
import { printOutcome } from "../printing/print-outcome.ts";
import { HumanPrinter, jsonPrinter } from "../printing/run-printer.ts";
import { dataDirFlag, dataDirOf, existingDataDir } from "../sessions/data-dir.ts";
import { listenForInterrupts } from "../sessions/interrupts.ts";
import { watchRun } from "../sessions/watch-run.ts";

export const dev: Command = {
  args: [{ name: "agent.ts", isRequired: true, about: "a file that exports an agent" }],
  options: {
    agent: { type: "string", value: "<name>", about: "which agent, where the file exports several" },
    session: { type: "string", value: "<id>", about: "go on with this session" },
    "data-dir": DATA_DIR,
    json: JSON_OUT,
  },
  notes: [
    "Each line goes to the same session. When the file, or one that it imports, changes, its definitions are read " +
      "again between two runs; a file that is broken is reported, and the last good definition stays.",
    "Ctrl-C cancels the run that is going on, and leaves where there is none. So does Ctrl-D.",
  ],
  run: async (call) => {
    const { flags, cwd, args } = call;
    const [fileName = ""] = args;
    if (flags.isOn("session")) existingDataDir(call);
    const { AgentFile: File } = await import("../agent-file/load-agent-file.ts");
    const { LiveAgent: Live } = await import("../dev/live-agent.ts");
    const file = new File(fileName, cwd);
    const settings = { fileName, wanted: flags.text("agent"), dataDir: dataDirOf(call) };
    const live = new Live(file, settings, flags.text("session") ?? null);
    await live.load();
    try {
      return await talk(call, file, live);
    } finally {
      await live.close();
      file.close();
    }
  },
};

type Talk = { run: Run<unknown> | null; readonly stop: AbortController; readonly turns: Turnstile };

const talk = async (call: Invocation, file: AgentFile, live: LiveAgent): Promise<ExitCode> => {
  const { LineReader: Reader } = await import("../dev/line-reader.ts");
  const { FileWatch } = await import("../dev/file-watch.ts");
  const { createSystemClock } = await import("../../runtime/index.ts");
  const { Turnstile: Turns } = await import("../dev/turnstile.ts");
  const state: Talk = { run: null, stop: new AbortController(), turns: new Turns() };
  const onInterrupt = (): void => interrupt(call, state, reader);
  const reader = new Reader(onInterrupt);
  const watch = new FileWatch(createSystemClock(), () => {
    // While a run goes on the change waits for its end.
    void state.turns.pass(() => reload(call, { file, live, watch, reader }));
  });
  const dispose = listenForInterrupts(
    { onInterrupt, onTerminate: () => leave(state, reader) },
    { isRepeatable: true },
  );
  call.terminal.err.line(`${live.name} from ${call.args[0] ?? ""}. A line is sent to it; Ctrl-D leaves.`);
  watch.set(file.files);
  try {
    for (;;) {
      const line = await reader.next();
      if (line === null || state.stop.signal.aborted) return EXIT.done;
      if (line.trim() === "") continue;
      await state.turns.pass(() => answer(call, live, { line, state }));
    }
  } finally {
    dispose();
    watch.close();
    reader.close();
  }
};

const leave = (state: Talk, reader: LineReader): void => {
  state.stop.abort();
  reader.close();
};

const interrupt = (call: Invocation, state: Talk, reader: LineReader): void => {
  const { run } = state;
  if (run === null) {
    leave(state, reader);
    return;
  }
  call.terminal.err.line("\nCancelling the run.");
  run.cancel("Ctrl-C").catch((error: unknown) => printError(call.terminal, error, { isJson: false }));
};

/** Sends one line and shows what comes of it. */
const answer = async (
  call: Invocation,
  live: LiveAgent,
  { line, state }: { readonly line: string; readonly state: Talk },
): Promise<void> => {
  const { terminal, flags } = call;
  try {
    const session = await live.session();
    const run = await session.send(line);
    state.run = run;
    const isJson = flags.isOn("json");
    const printer = isJson
      ? jsonPrinter(terminal, session.id)
      : new HumanPrinter(terminal, { runId: run.id, since: 0 });
    const outcome = await watchRun({ session, run, printer, signal: state.stop.signal });
    if (outcome === null) return;
    printer.finish(outcome);
    if (!isJson) printOutcome(terminal, outcome, { sessionId: session.id, dataDir: dataDirFlag(call) });
  } catch (error) {
    printError(terminal, error, { isJson: flags.isOn("json") });
  } finally {
    state.run = null;
  }
};

type Parts = {
  readonly file: AgentFile;
  readonly live: LiveAgent;
  readonly watch: { set(files: readonly string[]): void };
  readonly reader: LineReader;
};

const reload = async (call: Invocation, { file, live, watch, reader }: Parts): Promise<void> => {
  const { terminal } = call;
  try {
    await live.load();
    reader.clear();
    terminal.err.line(terminal.err.paint("dim", `· ${call.args[0] ?? ""} read again`));
  } catch (error) {
    reader.clear();
    printError(terminal, error, { isJson: false });
    terminal.err.line("Going on with the last definition that worked.");
  }
  watch.set(file.files);
  if (reader.isWaiting) reader.prompt();
};
