import { CutText } from "./cut-text.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { startSandbox, type SandboxProcess } from "./start-sandbox.ts";
import type { Ticker } from "./ticker.ts";
import { Watch, type StopReason } from "./watch.ts";

export type SandboxRun = {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** Number of the signal that ended it; null when none did. */
  readonly signal: number | null;
  readonly stopped: StopReason | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunOptions = {
  readonly plan: SandboxPlan;
  readonly code: string;
  readonly signal: AbortSignal;
  readonly ticker: Ticker;
  /** What the workspace held before, in bytes: a session may clean up when it has too much. */
  readonly workspaceBytes: number;
  readonly onStart: (child: SandboxProcess) => void;
};

/** Runs code in a sandbox until it ends or has to be stopped. Rejects only when it could not be started. */
export const runInSandbox = async (options: RunOptions): Promise<SandboxRun> => {
  const { plan, code, signal, ticker, workspaceBytes } = options;
  let watch: Watch | null = null;
  const abort = (): void => watch?.stop("aborted");
  // First, so that nothing runs that nobody looks at.
  const stopTicks = ticker.start(() => watch?.look());
  try {
    const child = startSandbox(plan, { code });
    options.onStart(child);
    watch = new Watch(child, plan, workspaceBytes);
    const texts = readOutput(child, watch, plan.limits.maxOutputKb);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    const end = await endOf(child);
    return { ...howItEnded(end, watch.stopped, child.killed), ...texts() };
  } finally {
    stopTicks();
    signal.removeEventListener("abort", abort);
  }
};

/** What is printed without end is not read without end: that would be our own time. */
const readOutput = (child: SandboxProcess, watch: Watch, maxOutputKb: number) => {
  const read = (stream: SandboxProcess["stdout"]): CutText => {
    const text = new CutText();
    stream.on("data", (chunk: Buffer) => {
      text.add(chunk);
      if (text.bytes > maxOutputKb * 1_024) watch.stop("output");
    });
    return text;
  };
  const stdout = read(child.stdout);
  const stderr = read(child.stderr);
  return () => ({ stdout: stdout.text(), stderr: stderr.text() });
};

export type SandboxEnd = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** Rejects when it could not be started. */
export const endOf = (child: SandboxProcess): Promise<SandboxEnd> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });

/** How a shell, and the sandbox, tell that a signal ended a process. */
const SIGNALLED = 128;
const SIGXCPU = 24;

/** `isKilled` where this process has sent a signal. */
export const howItEnded = (
  { code, signal }: SandboxEnd,
  reason: StopReason | null,
  isKilled: boolean,
): Pick<SandboxRun, "exitCode" | "signal" | "stopped"> => {
  // Stopped, and not by us: then it was the time limit, which the start of the process was told.
  const late = reason === null && signal === "SIGKILL" && isKilled ? "time" : null;
  const stopped = reason ?? late ?? (code === SIGNALLED + SIGXCPU ? "cpu" : null);
  const bySignal = code !== null && code > SIGNALLED ? code - SIGNALLED : null;
  return {
    exitCode: bySignal === null && stopped === null ? code : null,
    signal: stopped === null ? bySignal : null,
    stopped,
  };
};
