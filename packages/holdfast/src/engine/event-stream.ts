import { HoldfastError, NotFoundError } from "../core/errors.ts";
import type { JournalEvent } from "../core/event.ts";
import type { Failure } from "../core/failure.ts";
import type { Position, SessionId } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Delta, EventFeed, FeedItem, Progress } from "./event-feed.ts";
import { Latch } from "./latch.ts";

export type StreamItem =
  | { readonly kind: "event"; readonly event: JournalEvent }
  | { readonly kind: "delta"; readonly delta: Delta }
  | { readonly kind: "progress"; readonly progress: Progress }
  /** Everything durable up to now has been given out. */
  | { readonly kind: "caught-up" };

export type StreamOptions = {
  readonly sessionId: SessionId;
  /** Everything after this position is given out, once, in order (S5). */
  readonly after: Position;
  readonly signal?: AbortSignal | undefined;
  /** Headers are enough: payloads are null. */
  readonly omitPayload?: boolean;
};

const PAGE = 500;
/** A subscriber that falls further behind than this loses deltas, never events: those are read again. */
const MAX_BUFFERED = 20_000;

/**
 * Past and live events of one session by cursor: every later durable event once, in order, then live
 * ones, with the pieces of answers in progress between them (S5).
 */
export async function* streamSession(
  from: { readonly store: JournalStore; readonly feed: EventFeed },
  options: StreamOptions,
): AsyncGenerator<StreamItem, void, undefined> {
  const inbox = new Inbox(from.feed, options.sessionId);
  const cursor = new Cursor(options.after);
  const onAbort = (): void => inbox.latch.set();
  options.signal?.addEventListener("abort", onAbort);
  try {
    while (options.signal?.aborted !== true) {
      if (cursor.mustRead) yield* cursor.readOn(from.store, options);
      await inbox.latch.wait();
      yield* cursor.followAll(inbox.take(), from.store, options);
    }
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    inbox.close();
  }
}

/** How far a subscriber has come. A gap in what the feed says is filled from the store. */
class Cursor {
  mustRead = true;
  #position: Position;
  /** Start of the last model call that has ended: pieces of its answer are no news any more. */
  #endedCall: Position = 0;

  constructor(after: Position) {
    this.#position = after;
  }

  async *readOn(store: JournalStore, options: StreamOptions): AsyncGenerator<StreamItem, void, undefined> {
    this.mustRead = false;
    for await (const event of readAfter(store, options, this.#position)) {
      yield this.#next(event);
    }
    yield { kind: "caught-up" };
  }

  async *followAll(
    items: readonly FeedItem[],
    store: JournalStore,
    options: StreamOptions,
  ): AsyncGenerator<StreamItem, void, undefined> {
    for (const item of items) {
      // What is missing comes before what was said after it.
      if (this.mustRead && item.kind !== "look") yield* this.readOn(store, options);
      yield* this.#follow(item);
    }
  }

  *#follow(item: FeedItem): Generator<StreamItem, void, undefined> {
    switch (item.kind) {
      case "broken":
        throw brokenError(item.failure);
      case "look":
        this.mustRead = true;
        return;
      case "delta":
        if (item.delta.startedAt > this.#endedCall) yield item;
        return;
      case "progress":
        yield item;
        return;
      case "events":
        for (const event of item.events) {
          if (event.position === this.#position + 1 && !this.mustRead) yield this.#next(event);
          else if (event.position > this.#position) this.mustRead = true;
        }
        if (!this.mustRead) yield { kind: "caught-up" };
    }
  }

  #next(event: JournalEvent): StreamItem {
    const { header } = event;
    this.#position = event.position;
    if (header.type === "model-call.completed" || header.type === "model-call.failed") {
      this.#endedCall = header.startedAt;
    }
    return { kind: "event", event };
  }
}

/** What the feed said and the subscriber has not looked at yet. */
class Inbox {
  readonly latch = new Latch();
  #items: FeedItem[] = [];
  readonly #stop: () => void;

  constructor(feed: EventFeed, sessionId: SessionId) {
    this.#stop = feed.subscribe(sessionId, (item) => this.#put(item));
    for (const delta of feed.inProgress(sessionId)) this.#items.push({ kind: "delta", delta });
    const failure = feed.whyBroken(sessionId);
    if (failure !== null) this.#items.push({ kind: "broken", failure });
    if (this.#items.length > 0) this.latch.set();
  }

  take(): readonly FeedItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  close(): void {
    this.#stop();
  }

  #put(item: FeedItem): void {
    if (this.#items.length >= MAX_BUFFERED) this.#items = [{ kind: "look" }];
    this.#items.push(item);
    this.latch.set();
  }
}

async function* readAfter(
  store: JournalStore,
  options: StreamOptions,
  after: Position,
): AsyncGenerator<JournalEvent, void, undefined> {
  let cursor = after;
  for (;;) {
    const page = await store.read(options.sessionId, cursor, {
      limit: PAGE,
      ...(options.omitPayload === undefined ? {} : { omitPayload: options.omitPayload }),
    });
    for (const stored of page) yield openEvent(stored);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    cursor = last.position;
  }
  if (cursor === 0 && after === 0 && (await store.head(options.sessionId)) === undefined) {
    throw new NotFoundError("SESSION_NOT_FOUND", `There is no session ${options.sessionId}.`);
  }
}

const brokenError = (failure: Failure): HoldfastError =>
  new HoldfastError(failure.code, failure.message, {
    retryable: failure.retryable,
    hint:
      failure.code === "RUNTIME_CLOSED"
        ? "The run goes on when a runtime is opened on the same data."
        : "The session was left as it is; `holdfast doctor` looks for damage.",
    ...(failure.details === undefined ? {} : { details: failure.details }),
  });
