import type { CodeLimits } from "./code-limits.ts";
import type { SandboxRun } from "./run-in-sandbox.ts";
import type { StopReason } from "./watch.ts";
import { MAX_DEPTH } from "./workspace-use.ts";

/** What a model is told of code that ran in a sandbox. */
export type CodeResult = {
  /** Null when it did not end by itself. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it did not end by itself, and what to do; absent when it did. */
  readonly stopped?: string;
  /** Files of the workspace that it made, changed or deleted; absent when there are too many to tell. */
  readonly changedFiles?: readonly string[];
  /** Where a network is allowed: hosts that it was not let through to, and why. */
  readonly refused?: readonly string[];
  /** Of a language whose variables are kept: what became of them; absent when they are all there. */
  readonly state?: string;
};

const MAX_FILES_TOLD = 50;

type Told = {
  readonly run: SandboxRun;
  readonly limits: CodeLimits;
  /** Null when it cannot be told. */
  readonly changed: readonly string[] | null;
  readonly state: string | null;
  readonly refused: readonly string[];
};

export const codeResult = ({ run, limits, changed, state, refused }: Told): CodeResult => {
  const stopped = run.stopped === null ? bySignal(run.signal, limits) : stopText(run.stopped, limits);
  return {
    exitCode: run.exitCode,
    stdout: run.stdout.toWellFormed(),
    stderr: run.stderr.toWellFormed(),
    ...(stopped === null ? {} : { stopped }),
    ...(changed === null ? {} : { changedFiles: told(changed) }),
    ...(refused.length === 0 ? {} : { refused }),
    ...(state === null ? {} : { state }),
  };
};

const told = (changed: readonly string[]): readonly string[] =>
  changed.length <= MAX_FILES_TOLD
    ? changed
    : [...changed.slice(0, MAX_FILES_TOLD), `… and ${changed.length - MAX_FILES_TOLD} more`];

const stopText = (reason: StopReason, limits: CodeLimits): string => {
  switch (reason) {
    case "time":
      return `It was stopped: it ran longer than ${limits.timeoutMs} ms. What it wrote to the workspace is kept. Do less at once.`;
    case "cpu":
      return `It was stopped: it used more than ${limits.cpuSeconds} s of processor time. Do less at once.`;
    case "memory":
      return `It was stopped: its processes held more than ${limits.memoryMb} MiB of memory together. Work in smaller pieces.`;
    case "output":
      return `It was stopped: it printed more than ${limits.maxOutputKb} KiB. Write long results to a file in /workspace.`;
    case "disk":
      return (
        `It was stopped: the workspace may hold ${limits.maxWorkspaceMb} MiB in ${limits.maxWorkspaceFiles} files, ` +
        `and it wrote more, or where files are not counted: more than ${MAX_DEPTH} folders deep, or in folders without the right ` +
        `to look into them. Delete what is not needed.`
      );
    case "aborted":
      return "It was stopped: the call was cancelled.";
    case "closed":
      return "It was stopped: the session was closed.";
  }
};

const SIGXFSZ = 25;
const SIGKILL = 9;
const SIGSYS = 31;

const bySignal = (signal: number | null, limits: CodeLimits): string | null => {
  if (signal === null) return null;
  if (signal === SIGXFSZ) {
    return `A signal ended it (${signal}): no file may be larger than ${limits.maxFileMb} MiB.`;
  }
  if (signal === SIGKILL) {
    return `A signal ended it (${signal}): it killed itself, or there was no memory left for it.`;
  }
  if (signal === SIGSYS)
    return `A signal ended it (${signal}): it made a call of the system that is not allowed.`;
  return `A signal ended it (${signal}).`;
};
