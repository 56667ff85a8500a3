import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assertNever, StoreError } from "../../core/errors.ts";
import { toFailure } from "../../core/failure.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { MemoryDatabase } from "./memory-database.ts";
import { storeErrorOf } from "./memory-errors.ts";
import type {
  MemoryReading,
  MemoryReply,
  MemoryRequest,
  MemoryThreadSettings,
  MemoryWriting,
} from "./memory-request.ts";

/** More than this are left for the next transaction. */
const MAX_REQUESTS = 256;

type Numbered<Ask> = { readonly id: number; readonly ask: Ask };

/** The memory's thread: all writes that have arrived become one transaction, then the reads are answered. */
const serve = (port: MessagePort, { path, ranking }: MemoryThreadSettings): void => {
  const db = new MemoryConnection(path);
  const memory = new MemoryDatabase(db, ranking);
  port.on("message", (first: MemoryRequest) => {
    const requests = [first, ...waiting(port)];
    const writes = requests.filter((each): each is Numbered<MemoryWriting> => isWriting(each));
    for (const reply of writeAll(db, memory, writes)) port.postMessage(reply);
    for (const { id, ask } of requests)
      if (!isWriting({ ask }))
        port.postMessage(answerOf(id, () => db.observe(() => read(memory, ask as MemoryReading))));
  });
};

const isWriting = ({ ask }: { readonly ask: MemoryRequest["ask"] }): boolean =>
  ask.do === "write" || ask.do === "erase" || ask.do === "sweep";

const waiting = (port: MessagePort): MemoryRequest[] => {
  const requests: MemoryRequest[] = [];
  while (requests.length < MAX_REQUESTS) {
    const next: { message: MemoryRequest } | undefined = receiveMessageOnPort(port);
    if (next === undefined) break;
    requests.push(next.message);
  }
  return requests;
};

const answerOf = (id: number, work: () => unknown): MemoryReply => {
  try {
    return { id, value: work() };
  } catch (error) {
    return { id, failure: toFailure(storeErrorOf(error)) };
  }
};

/** Each succeeds or fails by itself; nothing is answered before all of them are on disk (K4). */
const writeAll = (
  db: MemoryConnection,
  memory: MemoryDatabase,
  writes: readonly Numbered<MemoryWriting>[],
): readonly MemoryReply[] => {
  if (writes.length === 0) return [];
  try {
    const replies = db.transact(() =>
      writes.map(({ id, ask }) => {
        const reply = answerOf(id, () => db.attempt(() => change(memory, ask)));
        // SQLite took the whole transaction back by itself, as it does when the disk is full.
        if (!db.isInTransaction) throw new StoreError("STORE_UNAVAILABLE", "Nothing could be written.");
        return reply;
      }),
    );
    const hasErased = writes.some(({ ask }) => ask.do === "erase");
    const trouble = hasErased ? answerOf(0, () => db.emptyLog()) : null;
    if (trouble === null || !("failure" in trouble)) return replies;
    // What was written beside it is written.
    return replies.map((reply, at) =>
      writes[at]?.ask.do === "erase" ? { id: reply.id, failure: trouble.failure } : reply,
    );
  } catch (error) {
    const failure = toFailure(storeErrorOf(error), "STORE_UNAVAILABLE");
    return writes.map(({ id }) => ({ id, failure }));
  }
};

const change = (memory: MemoryDatabase, ask: MemoryWriting): unknown => {
  switch (ask.do) {
    case "write":
      return memory.write(ask.batch, ask.vectors);
    case "erase":
      return memory.erase(ask.what);
    case "sweep":
      return memory.sweep(ask.options);
    default:
      return assertNever(ask);
  }
};

const read = (memory: MemoryDatabase, ask: MemoryReading): unknown => {
  switch (ask.do) {
    case "open":
      return null;
    case "search":
      return memory.search(ask.query, ask.near);
    case "get":
      return memory.get(ask.reader, ask.id);
    case "history":
      return memory.history(ask.reader, ask.id);
    case "list":
      return memory.list(ask.query);
    default:
      return assertNever(ask);
  }
};

if (parentPort !== null) serve(parentPort, workerData as MemoryThreadSettings);
