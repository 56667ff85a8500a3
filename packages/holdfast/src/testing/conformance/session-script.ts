import { strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chainHash,
  contentDigest,
  GENESIS_HASH,
  type Sha256,
  type StoredEvent,
} from "../../core/hash-chain.ts";
import type { SessionId } from "../../core/ids.ts";
import type {
  CommitAnswer,
  CommitRequest,
  JournalStore,
  NewSignal,
  SessionOwner,
} from "../../ports/journal-store.ts";
import type { SteppedClock } from "./contract-case.ts";

/** Plain bytes: what a store gives back must not have to be a Buffer to be equal. */
export const sha256: Sha256 = (first, second) =>
  Uint8Array.from(createHash("sha256").update(first).update(second).digest());

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64url");

type EventContent = { readonly text: string } | null;

/** Drives one session of a store under test: keeps its head, makes its events, fills in requests. */
export class SessionScript {
  readonly sessionId: SessionId;
  readonly #store: JournalStore;
  readonly #clock: SteppedClock;
  position = 0;
  hash: Uint8Array = GENESIS_HASH;
  epoch = 0;
  gate = 0;

  constructor(store: JournalStore, clock: SteppedClock, sessionId: SessionId = clock.newId()) {
    this.sessionId = sessionId;
    this.#store = store;
    this.#clock = clock;
  }

  /** Creates the session with `count` events. */
  async create(owner: Partial<SessionOwner> = {}, count = 1): Promise<this> {
    const events = this.events(count);
    const whole = { agent: "agent", tenant: null, user: null, ...owner };
    const answer = await this.#store.create({ sessionId: this.sessionId, owner: whole, events });
    strictEqual(answer, "created");
    this.moveTo(events);
    return this;
  }

  /** The same session through another store. */
  through(store: JournalStore): SessionScript {
    const other = new SessionScript(store, this.#clock, this.sessionId);
    other.position = this.position;
    other.hash = this.hash;
    other.epoch = this.epoch;
    other.gate = this.gate;
    return other;
  }

  /** The next events of the journal; not stored yet. */
  events(count: number, content: EventContent = { text: "said" }): StoredEvent[] {
    const events: StoredEvent[] = [];
    let hash = this.hash;
    for (let position = this.position + 1; position <= this.position + count; position += 1) {
      const payload = content === null ? null : JSON.stringify(content);
      const salt = payload === null ? null : this.#clock.randomBytes(32);
      const digest =
        payload === null || salt === null
          ? null
          : Buffer.from(contentDigest(sha256, salt, payload)).toString("base64url");
      const header = JSON.stringify({ v: 1, position, at: this.#clock.now(), content: digest });
      hash = chainHash(sha256, hash, header);
      events.push({ position, header, payload, salt, hash });
    }
    return events;
  }

  request(more: Partial<CommitRequest> = {}): CommitRequest {
    return {
      sessionId: this.sessionId,
      expect: {
        position: this.position,
        headHash: this.hash,
        epoch: this.epoch,
        gate: this.gate,
      },
      lease: { kind: "keep" },
      wakeAt: null,
      events: this.events(1),
      isFenced: false,
      blobs: [],
      consume: [],
      post: [],
      duties: [],
      reserve: [],
      settle: [],
      summary: { status: "running", waiting: null },
      mustSync: false,
      ...more,
    };
  }

  /** Commits and follows the head when it was stored. */
  async commit(more: Partial<CommitRequest> = {}): Promise<CommitAnswer> {
    const request = this.request(more);
    const answer = await this.#store.commit(request);
    if (answer.status !== "ok") return answer;
    this.epoch = answer.epoch;
    this.moveTo(request.events);
    return answer;
  }

  async mustCommit(more: Partial<CommitRequest> = {}): Promise<void> {
    strictEqual((await this.commit(more)).status, "ok");
  }

  claim(holder: string, ttlMs = 10_000): Promise<CommitAnswer> {
    return this.commit({ lease: { kind: "claim", holder, ttlMs } });
  }

  signal(more: Partial<NewSignal> = {}): NewSignal {
    return {
      sessionId: this.sessionId,
      kind: "input",
      dedupeKey: null,
      runId: null,
      body: JSON.stringify({ text: "hello" }),
      blobs: [],
      ...more,
    };
  }

  moveTo(events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    this.position = last?.position ?? this.position;
    this.hash = last?.hash ?? this.hash;
  }
}
