import type { Failure } from "../core/failure.ts";
import type { JournalEvent } from "../core/event.ts";
import type { Position, SessionId } from "../core/ids.ts";

/** A piece of an answer as it is being written. Not durable; voided when its attempt fails (S5). */
export type Delta = {
  /** Position of the `model-call.started` that it belongs to. */
  readonly startedAt: Position;
  readonly runId: string;
  readonly attempt: number;
  readonly type: "text" | "reasoning" | "tool-input";
  readonly text: string;
  /** Characters of this type written before, in this attempt. */
  readonly offset: number;
};

/** What a tool says about how far it has come. Not durable. */
export type Progress = { readonly runId: string; readonly callId: string; readonly message: string };

export type FeedItem =
  | { readonly kind: "events"; readonly events: readonly JournalEvent[] }
  | { readonly kind: "delta"; readonly delta: Delta }
  | { readonly kind: "progress"; readonly progress: Progress }
  /** The session cannot be advanced by this process, or the process is done. */
  | { readonly kind: "broken"; readonly failure: Failure }
  /** Events may have been committed elsewhere: read the store. */
  | { readonly kind: "look" };

export type FeedListener = (item: FeedItem) => void;

/** Tells subscribers of this process what was committed, and what is being written. */
export class EventFeed {
  readonly #listeners = new Map<SessionId, Set<FeedListener>>();
  readonly #inProgress = new Map<SessionId, Map<Delta["type"], Delta>>();
  readonly #broken = new Map<SessionId, Failure>();
  #closed: Failure | null = null;

  /** Calls back for each item of one session, in order. Answers how to stop. */
  subscribe(sessionId: SessionId, listener: FeedListener): () => void {
    const listeners = this.#listeners.get(sessionId) ?? new Set();
    this.#listeners.set(sessionId, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sessionId) === listeners)
        this.#listeners.delete(sessionId);
    };
  }

  /** What has been written so far of the answer in progress: one delta a type, from its beginning. */
  inProgress(sessionId: SessionId): readonly Delta[] {
    return [...(this.#inProgress.get(sessionId)?.values() ?? [])];
  }

  /** Publishes a delta and keeps the answer so far, for those who come in the middle (S5). */
  publishDelta(sessionId: SessionId, delta: Delta): void {
    const soFar = this.#inProgress.get(sessionId) ?? new Map<Delta["type"], Delta>();
    this.#inProgress.set(sessionId, soFar);
    const before = soFar.get(delta.type);
    const text =
      before?.startedAt === delta.startedAt
        ? before.text + delta.text
        : /* guard S5: a new attempt does not go on from an old one */ delta.text;
    soFar.set(delta.type, { ...delta, text, offset: 0 });
    this.publish(sessionId, { kind: "delta", delta });
  }

  /** The answer in progress is durable, or void. */
  endProgress(sessionId: SessionId): void {
    this.#inProgress.delete(sessionId);
  }

  /** Nobody in this process can advance the session: those who wait for it, now or later, are told so. */
  broke(sessionId: SessionId, failure: Failure): void {
    this.#broken.set(sessionId, failure);
    this.publish(sessionId, { kind: "broken", failure });
  }

  /** The session could be opened after all. */
  mended(sessionId: SessionId): void {
    this.#broken.delete(sessionId);
  }

  /** Nothing more will be published, so nobody must wait for it. */
  close(failure: Failure): void {
    this.#closed = failure;
    for (const sessionId of this.#listeners.keys()) this.publish(sessionId, { kind: "broken", failure });
  }

  /** Why there is no use in waiting for the session; null where there is. */
  whyBroken(sessionId: SessionId): Failure | null {
    return this.#closed ?? this.#broken.get(sessionId) ?? null;
  }

  /** Sessions that somebody watches. */
  watched(): Iterable<SessionId> {
    return this.#listeners.keys();
  }

  /** Only what is durable is published as an event (J1): call it after the commit. */
  publish(sessionId: SessionId, item: FeedItem): void {
    const listeners = this.#listeners.get(sessionId);
    if (listeners === undefined) return;
    for (const listener of listeners) listener(item);
  }
}
