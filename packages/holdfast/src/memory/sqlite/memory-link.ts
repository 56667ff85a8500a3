import { Worker } from "node:worker_threads";
import { isHoldfastError, StoreError } from "../../core/errors.ts";
import { closedError, errorOf, storeErrorOf } from "./memory-errors.ts";
import type { MemoryAsk, MemoryReply, MemoryRequest, MemoryThreadSettings } from "./memory-request.ts";

type Pending = PromiseWithResolvers<unknown>;

/** The main thread's end of the memory's thread; one that died is replaced by the next request. */
export class MemoryLink {
  readonly #settings: MemoryThreadSettings;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #lastId = 0;
  #isClosed = false;

  constructor(settings: MemoryThreadSettings) {
    this.#settings = settings;
  }

  async ask<Value>(ask: MemoryAsk): Promise<Value> {
    if (this.#isClosed) throw closedError();
    const pending = Promise.withResolvers<unknown>();
    this.#lastId += 1;
    this.#pending.set(this.#lastId, pending);
    const worker = this.#running();
    // Idle, the thread does not keep the process alive; asked, it does.
    worker.ref();
    worker.postMessage({ id: this.#lastId, ask } satisfies MemoryRequest);
    // Both ends are of this version: what is answered is what was asked for.
    return (await pending.promise) as Value;
  }

  /** Ends the thread when it has answered everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#pending.values()].map(({ promise }) => promise));
    await this.#worker?.terminate();
  }

  #running(): Worker {
    if (this.#worker !== null) return this.#worker;
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./sqlite-memory-worker.${extension}`, import.meta.url), {
      name: "holdfast-memory",
      workerData: this.#settings,
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    let cause: unknown;
    worker.on("message", (reply: MemoryReply) => this.#settle(reply));
    worker.on("error", (error) => (cause = error));
    worker.on("exit", () => this.#bury(worker, cause));
    this.#worker = worker;
    return worker;
  }

  #settle(reply: MemoryReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ("failure" in reply) pending?.reject(errorOf(reply.failure));
    else pending?.resolve(reply.value);
    if (this.#pending.size === 0) this.#worker?.unref();
  }

  #bury(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of unanswered) pending.reject(deathOf(cause));
  }
}

const deathOf = (cause: unknown): unknown => {
  if (isFailed(cause)) return errorOf(cause.failure);
  const known = storeErrorOf(cause);
  return isHoldfastError(known)
    ? known
    : new StoreError("STORE_UNAVAILABLE", "The memory's thread has died.", {
        hint: "Ask again: with a key nothing is done twice.",
        cause,
      });
};

/** An error that has crossed from the thread has lost its class, and kept what it carries. */
const isFailed = (cause: unknown): cause is { readonly failure: Parameters<typeof errorOf>[0] } =>
  cause instanceof Error && "failure" in cause && typeof cause.failure === "object";
