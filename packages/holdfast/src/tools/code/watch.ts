import type { CodeLimits } from "./code-limits.ts";
import { giveWay, useOfTree } from "./process-tree.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { killSandbox, type SandboxProcess } from "./start-sandbox.ts";
import { useOfWorkspace } from "./workspace-use.ts";

/** Why code was stopped before it ended by itself. */
export type StopReason = "time" | "cpu" | "memory" | "output" | "disk" | "aborted" | "closed";

/** Processor time after which code gives way to other sessions' code. */
const SHORT_MS = 500;
const TICKS_PER_WALK = 10;
const MIB = 1_024 * 1_024;
/** What the way to the network takes of memory. */
const FORWARDER_MB = 64;

/** Keeps the processes of one sandbox within their limits. */
export class Watch {
  readonly #child: SandboxProcess;
  readonly #plan: SandboxPlan;
  readonly #limits: CodeLimits;
  /** What the workspace held before, in bytes: a session may clean up when it has too much. */
  #workspaceBytes: number;
  #stopped: StopReason | null = null;
  #cpuMs = 0;
  #writtenBytes = 0;
  #before = { cpuMs: 0, writtenBytes: 0 };
  #ticks = 0;
  #isWalking = false;

  constructor(child: SandboxProcess, plan: SandboxPlan, workspaceBytes: number) {
    this.#child = child;
    this.#plan = plan;
    this.#limits = plan.limits;
    this.#workspaceBytes = workspaceBytes;
  }

  /** Why it was stopped; null when it was not. */
  get stopped(): StopReason | null {
    return this.#stopped;
  }

  /** Counts processor time and what is written anew, for another call in the same sandbox. */
  beginAgain(workspaceBytes: number): void {
    this.#workspaceBytes = workspaceBytes;
    this.#before = { cpuMs: this.#cpuMs, writtenBytes: this.#writtenBytes };
  }

  stop(reason: StopReason): void {
    this.#stopped ??= reason;
    killSandbox(this.#child);
  }

  look(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#stopped !== null) return;
    const use = useOfTree(pid, this.#limits.maxProcesses + 16);
    this.#cpuMs = Math.max(this.#cpuMs, use.cpuMs);
    this.#writtenBytes = Math.max(this.#writtenBytes, use.writtenBytes);
    const cpuMs = this.#cpuMs - this.#before.cpuMs;
    const writtenBytes = this.#writtenBytes - this.#before.writtenBytes;
    if (use.memoryBytes > this.#maxMemory()) this.stop("memory");
    else if (cpuMs > this.#limits.cpuSeconds * 1_000) this.stop("cpu");
    else if (writtenBytes > 2 * this.#maxBytes()) this.stop("disk");
    else if (cpuMs > SHORT_MS) giveWay(use.pids);
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_WALK === 0) void this.#walk();
  }

  #maxMemory(): number {
    return (this.#limits.memoryMb + (this.#plan.proxy === null ? 0 : FORWARDER_MB)) * MIB;
  }

  /** What was there before may be kept, and not added to. */
  #maxBytes(): number {
    return Math.max(this.#limits.maxWorkspaceMb * MIB, this.#workspaceBytes);
  }

  /** Never rejects. */
  async #walk(): Promise<void> {
    if (this.#isWalking) return;
    this.#isWalking = true;
    const { maxWorkspaceFiles } = this.#limits;
    const use = await useOfWorkspace(this.#plan.workspace, maxWorkspaceFiles);
    this.#isWalking = false;
    const isTooMuch = use.bytes > this.#maxBytes() || use.count > maxWorkspaceFiles;
    if (isTooMuch || use.hasUncounted) this.stop("disk");
  }
}
