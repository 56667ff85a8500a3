import { Worker } from "node:worker_threads";
import {
  HoldfastError,
  isHoldfastError,
  NotFoundError,
  ConfigurationError,
  StoreError,
} from "../../core/errors.ts";
import { type Failure, toFailure } from "../../core/failure.ts";
import type { Clock } from "../../ports/clock.ts";
import { CellWriter } from "./cells.ts";
import { putWrite } from "./codec.ts";
import type { Answer, NumberedRead, Read, Reply, Request, WorkerSettings, Write } from "./messages.ts";
import { unavailableError } from "./sqlite-errors.ts";

type Pending = {
  readonly kind: Write["kind"] | Read["kind"];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HoldfastError) => void;
};

/** Requests that are sent without waiting for more: enough to share a sync, few enough that both threads have work. */
const FULL_MESSAGE = 16;

type LinkOptions = {
  readonly clock: Clock;
  readonly settings: WorkerSettings;
  readonly onIncident: (failure: Failure) => void;
};

/**
 * The main thread's end of the store's thread. What is asked in one turn of the event loop goes over in
 * one message. A thread that died is replaced by the next request; what it had not answered is
 * `indeterminate` for commits and fails for everything else (C6).
 */
export class ThreadLink {
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #writer = new CellWriter();
  #reads: NumberedRead[] = [];
  #isFlushing = false;
  #gathered = 0;
  #lastId = 0;
  #sequence = 0;
  #deaths = 0;
  /** A thread that is to end: whoever waits for that keeps the process alive. */
  #ending: Worker | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  write(write: Write): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#register({ kind: write.kind, resolve, reject });
      putWrite(this.#writer, { id, write });
      this.#gather();
    });
  }

  ask(read: Read): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#register({ kind: read.kind, resolve, reject });
      this.#reads.push({ id, read });
      this.#gather();
    });
  }

  /** Ends the thread at once, whatever it is doing. */
  async stop(): Promise<void> {
    this.#ending = this.#worker;
    await this.#worker?.terminate();
  }

  #register(pending: Pending): number {
    this.#lastId += 1;
    this.#pending.set(this.#lastId, pending);
    return this.#lastId;
  }

  /**
   * Sends once every promise that is ready has run, so that sessions that go on together commit together;
   * but a full message at once: the thread works on it while the sessions after it are still at theirs.
   */
  #gather(): void {
    this.#gathered += 1;
    if (this.#gathered >= FULL_MESSAGE) this.#flush();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(() => {
      this.#isFlushing = false;
      if (this.#gathered > 0) this.#flush();
    });
  }

  #flush(): void {
    const { clock } = this.#options;
    const writes = this.#writer.finish();
    const reads = this.#reads;
    this.#gathered = 0;
    this.#writer = new CellWriter();
    this.#reads = [];
    this.#sequence += 1;
    const request: Request = { sequence: this.#sequence, now: clock.now(), writes, reads };
    const worker = this.#running();
    // Idle, the thread does not keep the process alive; asked, it does.
    worker.ref();
    worker.postMessage(request, [writes.bytes.buffer]);
  }

  #running(): Worker {
    if (this.#worker !== null) return this.#worker;
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./sqlite-worker.${extension}`, import.meta.url), {
      name: "holdfast-store",
      workerData: { ...this.#options.settings, isRestart: this.#deaths > 0 },
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    let cause: unknown;
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => (cause = error));
    worker.on("exit", () => this.#bury(worker, cause));
    this.#worker = worker;
    return worker;
  }

  #settle({ answers, incident }: Reply): void {
    if (incident !== null) this.#options.onIncident(incident);
    for (const answer of answers) {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if (answer.failure === undefined) pending?.resolve(answer.value);
      else pending?.reject(errorOf(answer.failure));
    }
    if (this.#pending.size === 0 && this.#worker !== this.#ending) this.#worker?.unref();
  }

  /** Its connection is closed for certain, so nothing it was asked can still be stored later. */
  #bury(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#deaths += 1;
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    if (unanswered.length === 0 && cause === undefined) return;
    const error = isHoldfastError(cause) ? cause : unavailableError("The store's thread has died.", cause);
    this.#options.onIncident(toFailure(error));
    for (const pending of unanswered) {
      if (pending.kind === "commit") pending.resolve(null);
      else pending.reject(error);
    }
  }
}

const errorOf = ({
  code,
  message,
  hint,
  details,
  retryable,
}: NonNullable<Answer["failure"]>): HoldfastError => {
  const options = {
    retryable,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
  };
  switch (code) {
    case "SESSION_NOT_FOUND":
      return new NotFoundError(code, message, options);
    case "OPTION_INVALID":
      return new ConfigurationError(code, message, options);
    case "STORE_DAMAGED":
    case "STORE_UNAVAILABLE":
    case "STORE_FORMAT_UNSUPPORTED":
      return new StoreError(code, message, options);
    default:
      return new HoldfastError(code, message, options);
  }
};
