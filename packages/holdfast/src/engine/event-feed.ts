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
  /** The session cannot be advanced by this process. */
  | { readonly kind: "broken"; readonly failure: Failure }
  /** Events may have been committed elsewhere: read the store. */
  | { readonly kind: "look" };

export type FeedListener = (item: FeedItem) => void;

/** Tells subscribers of this process what was committed, and what is being written. */
export class EventFeed {
  readonly #listeners = new Map<SessionId, Set<FeedListener>>();

  /** Calls back for each item of one session, in order. Answers how to stop. */
  subscribe(sessionId: SessionId, listener: FeedListener): () => void {
    const listeners = this.#listeners.get(sessionId) ?? new Set();
    this.#listeners.set(sessionId, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sessionId) === listeners) this.#listeners.delete(sessionId);
    };
  }

  /** Whether anyone would see what is published. */
  isWatched(sessionId: SessionId): boolean {
    return this.#listeners.has(sessionId);
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
