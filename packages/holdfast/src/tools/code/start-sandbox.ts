import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { ToolError } from "../../core/errors.ts";
import { FORWARDER } from "./forwarder.ts";
import {
  CODE_FD,
  FORWARDER_FD,
  GROUP,
  GROUP_FD,
  PASSWD,
  PASSWD_FD,
  sandboxCommand,
  SECCOMP_FD,
  type SandboxPlan,
} from "./sandbox-command.ts";
import { seccompFilter } from "./seccomp-filter.ts";

/** A process in a sandbox; killing it kills everything in there. */
export type SandboxProcess = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

export type SandboxInput = {
  readonly code: string;
};

/**
 * Starts code in a sandbox of its own, which ends with this process, and after `timeoutMs` in any case where it is not kept.
 *
 * @throws ToolError with `executed: false` when no process can be started.
 */
export const startSandbox = (plan: SandboxPlan, { code }: SandboxInput): SandboxProcess => {
  const [command, args] = sandboxCommand(plan);
  const child = spawn(command, args, {
    stdio: [
      plan.isKept ? "pipe" : "ignore",
      ...Array.from({ length: plan.proxy === null ? CODE_FD : FORWARDER_FD }, () => "pipe" as const),
    ],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    cwd: "/",
    ...(plan.isKept ? {} : { timeout: plan.limits.timeoutMs }),
    killSignal: "SIGKILL",
  });
  // It is told below, by what is missing; the event comes later.
  child.on("error", () => undefined);
  if (child.pid === undefined) {
    // Node would still kill at `timeoutMs`, and what it kills has no number: it may be anybody. This ends the wait.
    child.emit("exit", null, null);
    throw notStarted();
  }
  // Who died before it read is known by its end.
  child.stdin?.on("error", () => undefined);
  give(child, SECCOMP_FD, seccompFilter(process.arch) ?? new Uint8Array());
  give(child, PASSWD_FD, PASSWD);
  give(child, GROUP_FD, GROUP);
  give(child, CODE_FD, code);
  if (plan.proxy !== null) give(child, FORWARDER_FD, FORWARDER);
  return child as SandboxProcess;
};

/** The system has nothing to spare for another process. Nothing was run. */
export const notStarted = (cause?: unknown): ToolError =>
  new ToolError("No process could be started for the code. Nothing was run.", {
    executed: false,
    hint: "The system has no more open files or processes to spare: see `ulimit -n` and `ulimit -u`.",
    ...(cause === undefined ? {} : { cause }),
  });

const give = (child: ChildProcess, descriptor: number, content: string | Uint8Array): void => {
  const pipe = child.stdio[descriptor] as Writable | null | undefined;
  // A sandbox that died before it read is known by its end.
  pipe?.on("error", () => undefined);
  pipe?.end(content);
};
