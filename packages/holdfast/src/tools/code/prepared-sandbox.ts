import { startDeadline } from "./deadline.ts";
import type { ProcessLanguage } from "./languages.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { keepAlive, killSandbox, startSandbox, type SandboxProcess } from "./start-sandbox.ts";

/** Whom a sandbox is made for. */
export type PreparedFor = {
  readonly sessionId: string;
  readonly language: ProcessLanguage;
  readonly workspace: string;
  /** Of the workspace: another folder of the same name is another one. */
  readonly inode: number;
};

type Prepared = {
  readonly key: string;
  readonly sessionId: string;
  readonly child: SandboxProcess;
  readonly stopDeadline: () => void;
};

/** In between, a model has to answer. */
const IDLE_MS = 30_000;

const keyOf = ({ sessionId, language, workspace, inode }: PreparedFor): string =>
  JSON.stringify([sessionId, language, workspace, inode]);

/**
 * At most one sandbox that is made before the call that it is for: for the session that called twice, one call after the other, in
 * one language. It waits for its code, is used for one call like any other, and is never given to another session (S1).
 */
export class PreparedSandbox {
  /** Each with its end. */
  readonly #open = new Map<SandboxProcess, Promise<void>>();
  #prepared: Prepared | null = null;
  #calledLast: string | null = null;

  /** Processes that wait, or have not ended yet. */
  get size(): number {
    return this.#open.size;
  }

  has(whom: PreparedFor): boolean {
    return this.#prepared?.key === keyOf(whom);
  }

  /** The sandbox for this call, if there is one; it is the caller's then. */
  take(whom: PreparedFor): SandboxProcess | null {
    const prepared = this.#prepared;
    if (prepared?.key !== keyOf(whom)) return null;
    const { child, stopDeadline } = prepared;
    stopDeadline();
    this.#prepared = null;
    if (child.exitCode !== null || child.signalCode !== null) return null;
    this.#open.delete(child);
    keepAlive(child, true);
    return child;
  }

  /** Makes one for the next call, where this was not the session's first. Never throws: without it, the next call makes its own. */
  prepare(whom: PreparedFor, plan: SandboxPlan): void {
    const key = keyOf(whom);
    const isFirst = this.#calledLast !== key;
    this.#calledLast = key;
    if (isFirst || this.#prepared?.key === key) return;
    void this.#drop();
    try {
      const child = startSandbox(plan);
      keepAlive(child, false);
      this.#watch(child);
      const stopDeadline = startDeadline(IDLE_MS, () => void this.#drop());
      this.#prepared = { key, sessionId: whom.sessionId, child, stopDeadline };
    } catch {
      // The system has nothing to spare.
    }
  }

  #watch(child: SandboxProcess): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open.set(child, promise);
    child.once("close", () => {
      this.#open.delete(child);
      resolve();
    });
  }

  /** Lets go of what is there for one session. */
  async rest(sessionId: string): Promise<void> {
    if (this.#prepared?.sessionId === sessionId) await this.#drop();
  }

  async close(): Promise<void> {
    this.#calledLast = null;
    void this.#drop();
    await Promise.all(this.#open.values());
  }

  async #drop(): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null) return;
    this.#prepared = null;
    const { child, stopDeadline } = prepared;
    stopDeadline();
    keepAlive(child, true);
    // Read to their end, or it is not seen that it has ended.
    child.stdout.resume();
    child.stderr.resume();
    killSandbox(child);
    await this.#open.get(child);
  }
}
