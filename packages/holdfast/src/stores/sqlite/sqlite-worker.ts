import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { Answer, NumberedRead, Reply, Request, WorkerSettings } from "./messages.ts";
import { ReadThread } from "./read-thread.ts";
import { StoreThread } from "./store-thread.ts";

/** More messages than this are left for the next transaction, so that nobody waits for a giant one. */
const MAX_MESSAGES = 64;

/**
 * The store's thread. Each turn takes what has arrived while the last transaction was written: all
 * writes become one transaction, then the reads are answered.
 */
const serve = (port: MessagePort, settings: WorkerSettings): void => {
  const store = new StoreThread(settings);
  const reader = new ReadThread(settings, store);
  const reply = (answers: readonly Answer[]): void => {
    const incident = store.takeIncident();
    if (answers.length > 0) port.postMessage({ answers, incident } satisfies Reply);
  };
  port.on("message", (first: Request) => {
    const requests = [first, ...waiting(port)];
    const now = requests.at(-1)?.now ?? first.now;
    reply(store.write(requests));
    const reads = requests.flatMap((request): readonly NumberedRead[] => request.reads);
    reply(reads.map((read) => reader.answer(read, now)));
  });
};

const waiting = (port: MessagePort): Request[] => {
  const requests: Request[] = [];
  while (requests.length < MAX_MESSAGES) {
    const next: { message: Request } | undefined = receiveMessageOnPort(port);
    if (next === undefined) break;
    requests.push(next.message);
  }
  return requests;
};

if (parentPort !== null) serve(parentPort, workerData as WorkerSettings);
