import { MessageChannel, Worker } from "node:worker_threads";
import { toFailure } from "../../core/failure.ts";
import { hostUrl, type Carrier, type CarrierEvents, type StartCarrier } from "./carrier.ts";
import type { FromHost } from "./messages.ts";

/** Where a thread waits for a secret: it is rung when the answer lies at the port. */
const newBell = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(4));

/**
 * Room for what is new in a thread. One whose heap is full after a collection is given 16 MB more in which to end; if what was new
 * and outlived the collection is more than that, V8 ends the whole process. About a third of this can outlive one. Node's own
 * measure grows with the memory of the machine (192 MB where there are 24 GB), and is too much.
 */
const YOUNG_MB = 24;

/** Starts the host in a thread of this process. */
export const startThread: StartCarrier = ({ maxMemoryMb }, events) => {
  const bell = newBell();
  const { port1: secrets, port2 } = new MessageChannel();
  const worker = new Worker(hostUrl(), {
    name: "holdfast-tool",
    workerData: { holdfastHost: "thread", bell, secrets: port2 },
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
    stdout: true,
    stderr: true,
  });
  const answerSecret = (name: string): void => {
    secrets.postMessage(events.onSecret(name));
    Atomics.store(bell, 0, 1);
    Atomics.notify(bell, 0);
  };
  worker.on("message", (message: FromHost) => {
    if (message.kind === "secret") answerSecret(message.name);
    else events.onMessage(message);
  });
  listen(worker, events);
  return {
    post: (message) => worker.postMessage(message),
    kill: () => {
      // A call of the system that blocks it cannot be stopped: nobody waits for that.
      worker.unref();
      void worker.terminate();
    },
  } satisfies Carrier;
};

const listen = (worker: Worker, events: CarrierEvents): void => {
  let cause: unknown;
  // What a tool prints comes as messages, so that it is known whose it is.
  worker.stdout.resume();
  worker.stderr.resume();
  worker.on("error", (error) => (cause = error));
  worker.on("exit", (code) => events.onEnd({ why: whyOf(cause, code) }));
};

const whyOf = (cause: unknown, code: number): string => {
  if (cause === undefined) return `it exited with code ${code}`;
  const isFull =
    typeof cause === "object" &&
    cause !== null &&
    "code" in cause &&
    cause.code === "ERR_WORKER_OUT_OF_MEMORY";
  return isFull ? "it ran out of memory" : `it threw what nobody caught: ${toFailure(cause).message}`;
};
