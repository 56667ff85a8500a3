import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { getPriority, setPriority } from "node:os";
import type { Readable, Writable } from "node:stream";
import { ToolError } from "../../core/errors.ts";
import { FORWARDER } from "./forwarder.ts";
import { killWithChildren } from "./process-tree.ts";
import {
  CODE_FD,
  FORWARDER_FD,
  GO,
  sandboxCommand,
  SECCOMP_FD,
  type SandboxPlan,
} from "./sandbox-command.ts";
import { seccompFilter } from "./seccomp-filter.ts";

/** The outermost process of a sandbox; it ends when everything in there has ended. */
export type SandboxProcess = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

/**
 * Starts a sandbox that ends with this process. It runs what it is then given by `giveCode`.
 *
 * @throws ToolError with `executed: false` when no process can be started.
 */
export const startSandbox = (plan: SandboxPlan): SandboxProcess => {
  const [command, args] = sandboxCommand(plan);
  const child = spawn(command, args, {
    stdio: [
      plan.isKept ? "pipe" : "ignore",
      ...Array.from({ length: plan.proxy === null ? CODE_FD : FORWARDER_FD }, () => "pipe" as const),
    ],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    cwd: "/",
  });
  // It is told below, by what is missing; the event comes later.
  child.on("error", () => undefined);
  if (child.pid === undefined) throw notStarted();
  makeGiveWay(child.pid);
  // Who died before it read is known by its end.
  child.stdin?.on("error", () => undefined);
  give(child, SECCOMP_FD, seccompFilter(process.arch) ?? new Uint8Array());
  if (plan.proxy !== null) give(child, FORWARDER_FD, FORWARDER);
  pipeAt(child, CODE_FD)?.write(GO);
  return child as SandboxProcess;
};

/** Gives a sandbox what it runs, once. */
export const giveCode = (child: SandboxProcess, code: string): void => give(child, CODE_FD, code);

/**
 * Kills a sandbox, and so all that is in it. As long as it is made, its first process does not die with the outermost one, and would
 * go on to run what it was given.
 */
export const killSandbox = ({ pid, exitCode, signalCode }: SandboxProcess): void => {
  if (pid !== undefined && exitCode === null && signalCode === null) killWithChildren(pid);
};

/** Whether this process goes on for as long as the sandbox does, and has nothing else to do. */
export const keepAlive = (child: SandboxProcess, isWaitedFor: boolean): void => {
  const sockets = child.stdio.filter((stream) => stream instanceof Socket);
  for (const handle of [child, ...sockets]) {
    if (isWaitedFor) handle.ref();
    else handle.unref();
  }
};

/** So much further back than the runtime, which it may not keep from its work. */
const FURTHER_BACK = 10;
const LAST = 19;

const makeGiveWay = (pid: number): void => {
  try {
    setPriority(pid, Math.min(getPriority() + FURTHER_BACK, LAST));
  } catch {
    // It has ended already.
  }
};

/** The system has nothing to spare for another process. Nothing was run. */
export const notStarted = (cause?: unknown): ToolError =>
  new ToolError("No process could be started for the code. Nothing was run.", {
    executed: false,
    hint: "The system has no more open files or processes to spare: see `ulimit -n` and `ulimit -u`.",
    ...(cause === undefined ? {} : { cause }),
  });

const give = (child: ChildProcess, descriptor: number, content: string | Uint8Array): void => {
  pipeAt(child, descriptor)?.end(content);
};

const pipeAt = (child: ChildProcess, descriptor: number): Writable | null => {
  const pipe = child.stdio[descriptor] as Writable | null | undefined;
  // A sandbox that died before it read is known by its end.
  if (pipe?.listenerCount("error") === 0) pipe.on("error", () => undefined);
  return pipe ?? null;
};
