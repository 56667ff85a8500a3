import { Worker } from "node:worker_threads";
import { startDeadline } from "./deadline.ts";
import type { JavaScriptStop } from "./javascript-result.ts";
import type { CompiledQuickJs } from "./load-quickjs.ts";
import type { FromQuickJsThread, QuickJsAnswer, QuickJsTask, QuickJsThreadData } from "./quickjs-task.ts";

/** What became of a task. No answer, where the thread had to be ended or died. */
export type ThreadEnd = {
  readonly answer: QuickJsAnswer | null;
  /** Why it was stopped; null where it was not. */
  readonly stop: JavaScriptStop | null;
};

export type ThreadTerms = {
  readonly task: QuickJsTask;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** Of the thread's own JavaScript: what the code holds is not in it, but goes through it as text. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 8 };

/** Time in which code that was told to stop does so at its next step. What does not is ended with its thread. */
const GRACE_MS = 500;

/** A thread in which code runs, one task at a time. */
export class JavaScriptThread {
  readonly #worker: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #isReady = Promise.withResolvers<void>();
  readonly #isOver = Promise.withResolvers<void>();
  #reason: JavaScriptStop | null = null;
  #isAlive = true;
  #settle: (answer: QuickJsAnswer | null) => void = () => undefined;
  #cancelEnd: () => void = () => undefined;

  constructor(engine: CompiledQuickJs) {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const data: QuickJsThreadData = { engine, stop: this.#stop };
    const worker = new Worker(new URL(`./quickjs-thread.${extension}`, import.meta.url), {
      name: "holdfast-javascript",
      workerData: data,
      resourceLimits: THREAD_LIMITS,
      execArgv: ["--disable-warning=ExperimentalWarning"],
      // What the engine says when it breaks is not read: reading would keep this process alive.
      stdout: true,
      stderr: true,
    });
    let cause: unknown;
    worker.on("message", (message: FromQuickJsThread) => {
      if (message === "ready") this.#isReady.resolve();
      else this.#settle(message);
    });
    worker.on("error", (error) => (cause = error));
    worker.on("exit", () => this.#bury(cause));
    this.#worker = worker;
  }

  /** Whether it may be given another task. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs one task. Never rejects. */
  async run({ task, timeoutMs, signal }: ThreadTerms): Promise<ThreadEnd> {
    const abort = (): void => this.#tellToStop("aborted");
    this.#worker.ref();
    signal.addEventListener("abort", abort);
    // A thread takes its time to begin, and more on a machine with much to do: that is not the code's.
    await this.#isReady.promise;
    if (signal.aborted) abort();
    const stopDeadline = startDeadline(timeoutMs, () => this.#tellToStop("time"));
    const answer = await this.#ask(task);
    stopDeadline();
    this.#cancelEnd();
    signal.removeEventListener("abort", abort);
    this.#worker.unref();
    const stop = this.#reason;
    this.#reason = null;
    Atomics.store(this.#stop, 0, 0);
    return { answer, stop };
  }

  #ask(task: QuickJsTask): Promise<QuickJsAnswer | null> {
    const { promise, resolve } = Promise.withResolvers<QuickJsAnswer | null>();
    this.#settle = resolve;
    if (this.#isAlive) this.#worker.postMessage(task);
    else resolve(null);
    return promise;
  }

  #tellToStop(reason: JavaScriptStop): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    Atomics.store(this.#stop, 0, 1);
    this.#cancelEnd = startDeadline(GRACE_MS, () => void this.end(reason));
  }

  /** Ends the thread, whatever it does, and waits until it has ended. */
  async end(reason: JavaScriptStop): Promise<void> {
    this.#reason ??= reason;
    this.#isAlive = false;
    void this.#worker.terminate();
    await this.#isOver.promise;
  }

  #bury(cause: unknown): void {
    this.#isAlive = false;
    this.#reason ??= isOutOfMemory(cause) ? "memory" : "crashed";
    this.#cancelEnd();
    this.#isReady.resolve();
    this.#isOver.resolve();
    this.#settle(null);
  }
}

const isOutOfMemory = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
