import { CutText } from "./cut-text.ts";
import { startDeadline } from "./deadline.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { giveCode, startSandbox, type SandboxProcess } from "./start-sandbox.ts";
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
  /** A sandbox of this plan that waits for its code already; null to make one. */
  readonly prepared: SandboxProcess | null;
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
  let stopDeadline = (): void => undefined;
  const abort = (): void => watch?.stop("aborted");
  // First, so that nothing runs that nobody looks at.
  const stopTicks = ticker.start(() => watch?.look());
  try {
    const child = options.prepared ?? startSandbox(plan);
    options.onStart(child);
    watch = new Watch(child, plan, workspaceBytes);
    const texts = readOutput(child, watch, plan.limits.maxOutputKb);
    giveCode(child, code);
    stopDeadline = startDeadline(plan.limits.timeoutMs, () => watch?.stop("time"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    const end = await endOf(child);
    return { ...howItEnded(end, watch.stopped), ...texts() };
  } finally {
    stopDeadline();
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

/** The code is null when a signal ended it. */
export type SandboxEnd = { readonly code: number | null };

/** Rejects when it could not be started. */
export const endOf = (child: SandboxProcess): Promise<SandboxEnd> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code }));
  });

/** How a shell, and the sandbox, tell that a signal ended a process. */
const SIGNALLED = 128;
const SIGXCPU = 24;

export const howItEnded = (
  { code }: SandboxEnd,
  reason: StopReason | null,
): Pick<SandboxRun, "exitCode" | "signal" | "stopped"> => {
  const stopped = reason ?? (code === SIGNALLED + SIGXCPU ? "cpu" : null);
  const bySignal = code !== null && code > SIGNALLED ? code - SIGNALLED : null;
  return {
    exitCode: bySignal === null && stopped === null ? code : null,
    signal: stopped === null ? bySignal : null,
    stopped,
  };
};
