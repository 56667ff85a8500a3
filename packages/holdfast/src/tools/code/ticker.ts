import { type ChildProcess, spawn } from "node:child_process";
import { notStarted } from "./start-sandbox.ts";

/** Says a line every tenth of a second, and ends when nobody holds the other end of its input any more. */
const SCRIPT = "while :; do read -rt 0.1; [ $? -gt 128 ] || exit; echo; done";

/**
 * The time in which running processes are looked at. It is a process itself: what it watches goes on in the machine's time, and
 * not in that of a runtime whose clock may be held still.
 */
export class Ticker {
  readonly #listeners = new Set<() => void>();
  #process: ChildProcess | null = null;
  #hasTicked = false;

  /** Calls `onTick` ten times a second, until the function that it gives back is called. @throws ToolError */
  start(onTick: () => void): () => void {
    if (!this.#run()) throw notStarted();
    this.#listeners.add(onTick);
    return () => {
      this.#listeners.delete(onTick);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  /** False when no process can be started. */
  #run(): boolean {
    if (this.#process !== null) return true;
    const child = spawn("/bin/bash", ["-c", SCRIPT], { stdio: ["pipe", "pipe", "ignore"], env: {} });
    child.on("error", () => undefined);
    if (child.pid === undefined) return false;
    this.#process = child;
    this.#hasTicked = false;
    child.stdin.on("error", () => undefined);
    child.stdout.on("data", () => {
      this.#hasTicked = true;
      for (const listener of this.#listeners) listener();
    });
    child.on("close", () => this.#ended(child));
    return true;
  }

  /** One that was killed is started again; one that cannot run at all is not. */
  #ended(child: ChildProcess): void {
    if (this.#process !== child) return;
    this.#process = null;
    if (this.#listeners.size > 0 && this.#hasTicked) this.#run();
  }

  #stop(): void {
    this.#process?.kill("SIGKILL");
    this.#process = null;
  }
}
