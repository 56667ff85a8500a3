import { CellWriter } from "../../packages/holdfast/src/stores/sqlite/cells.ts";
import { putWrite, unpackEvents } from "../../packages/holdfast/src/stores/sqlite/codec.ts";
import type { Packed } from "../../packages/holdfast/src/stores/sqlite/cells.ts";
import type { StoredEvent } from "../../packages/holdfast/src/core/hash-chain.ts";
import type {
  Damage,
  LoadedSession,
  PostAnswer,
  SessionPage,
} from "../../packages/holdfast/src/ports/journal-store.ts";
import type {
  Answer,
  PostedSignal,
  Read,
  WorkerSettings,
  Write,
} from "../../packages/holdfast/src/stores/sqlite/messages.ts";
import { EVENT_VERSION } from "holdfast/core";
import { ReadThread } from "../../packages/holdfast/src/stores/sqlite/read-thread.ts";
import { StoreThread } from "../../packages/holdfast/src/stores/sqlite/store-thread.ts";

/** What the store answered instead of a value. */
export class StoreRefusal extends Error {
  readonly code: string;

  constructor(failure: NonNullable<Answer["failure"]>) {
    super(`${failure.code}: ${failure.message}`);
    this.code = failure.code;
  }
}

/**
 * Everything the store's thread does, without the thread: starting one for each of thousands of images
 * would cost more than looking at them.
 */
export class OpenedStore {
  readonly #settings: WorkerSettings;
  readonly #store: StoreThread;
  readonly #reader: ReadThread;
  #sequence = 0;

  constructor(dataDir: string, holderId = "judge") {
    const settings = { dataDir, holderId, durability: "full", isRestart: false, maxPages: null } as const;
    this.#settings = { ...settings, journalVersion: EVENT_VERSION };
    this.#store = new StoreThread(this.#settings);
    this.#reader = new ReadThread(this.#settings, this.#store);
  }

  ask(read: Read, now = Date.now()): unknown {
    const answer = this.#reader.answer({ id: 1, read }, now);
    if (answer.failure !== undefined) throw new StoreRefusal(answer.failure);
    return answer.value;
  }

  check(): readonly Damage[] {
    return this.ask({ kind: "check" }) as readonly Damage[];
  }

  list(): SessionPage["sessions"] {
    return (this.ask({ kind: "list", query: { limit: 1_000 } }) as SessionPage).sessions;
  }

  load(sessionId: string): LoadedSession | undefined {
    const loaded = this.ask({ kind: "load", sessionId }) as
      | (Omit<LoadedSession, "tail"> & { readonly tail: Packed })
      | undefined;
    return loaded === undefined ? undefined : { ...loaded, tail: unpackEvents(loaded.tail) };
  }

  events(sessionId: string): StoredEvent[] {
    const read = { kind: "read", sessionId, after: 0, limit: 1_000_000, omitPayload: false } as const;
    return unpackEvents(this.ask(read) as Packed);
  }

  blob(sessionId: string, digest: string): Uint8Array | undefined {
    return this.ask({ kind: "read-blob", sessionId, digest }) as Uint8Array | undefined;
  }

  write(write: Write, now = Date.now()): unknown {
    const writer = new CellWriter();
    putWrite(writer, { id: 1, write });
    this.#sequence += 1;
    const request = { sequence: this.#sequence, now, writes: writer.finish(), reads: [] };
    const answer = this.#store.write([request])[0];
    if (answer?.failure !== undefined) throw new StoreRefusal(answer.failure);
    return answer?.value;
  }

  post(signal: PostedSignal): PostAnswer | undefined {
    return (this.write({ kind: "post", signals: [signal] }) as readonly PostAnswer[])[0];
  }

  close(): void {
    this.#store.close();
  }

  /** Leaves everything as it is on disk. */
  drop(): void {
    this.#store.drop();
  }
}
