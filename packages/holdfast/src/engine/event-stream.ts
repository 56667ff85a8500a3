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
 * ones, with the pieces of answers in progress between them (S5). What was committed together comes
 * together: a promise for each commit, not one for each event and each floor it goes through.
 */
export async function* streamSession(
  from: { readonly store: JournalStore; readonly feed: EventFeed },
  options: StreamOptions,
): AsyncGenerator<readonly StreamItem[], void, undefined> {
  const inbox = new Inbox(from.feed, options.sessionId);
  const cursor = new Cursor(options.after);
  const onAbort = (): void => inbox.latch.set();
  options.signal?.addEventListener("abort", onAbort);
  try {
    while (options.signal?.aborted !== true) {
      const said = inbox.take();
      // What is missing comes before what was said after it.
      if (cursor.mustRead && said?.kind !== "look") yield* cursor.readOn(from.store, options);
      if (said === undefined) await inbox.latch.wait();
      else yield cursor.follow(said);
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

  async *readOn(
    store: JournalStore,
    options: StreamOptions,
  ): AsyncGenerator<readonly StreamItem[], void, undefined> {
    this.mustRead = false;
    for await (const event of readAfter(store, options, this.#position)) yield [this.#next(event)];
    yield [CAUGHT_UP];
  }

  follow(said: FeedItem): readonly StreamItem[] {
    switch (said.kind) {
      case "broken":
        throw brokenError(said.failure);
      case "look":
        this.mustRead = true;
        return [];
      case "delta":
        return said.delta.startedAt > this.#endedCall ? [said] : [];
      case "progress":
        return [said];
      case "events":
        return this.#followEvents(said.events);
    }
  }

  #followEvents(events: readonly JournalEvent[]): readonly StreamItem[] {
    const items: StreamItem[] = [];
    for (const event of events) {
      if (event.position === this.#position + 1 && !this.mustRead) items.push(this.#next(event));
      else if (event.position > this.#position) this.mustRead = true;
    }
    if (!this.mustRead) items.push(CAUGHT_UP);
    return items;
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

const CAUGHT_UP: StreamItem = { kind: "caught-up" };

/** What the feed said and the subscriber has not looked at yet. */
class Inbox {
  readonly latch = new Latch();
  #items: FeedItem[] = [];
  #opened: readonly FeedItem[] = [];
  #taken = 0;
  readonly #stop: () => void;

  constructor(feed: EventFeed, sessionId: SessionId) {
    this.#stop = feed.subscribe(sessionId, (item) => this.#put(item));
    for (const delta of feed.inProgress(sessionId)) this.#items.push({ kind: "delta", delta });
    const failure = feed.whyBroken(sessionId);
    if (failure !== null) this.#items.push({ kind: "broken", failure });
    if (this.#items.length > 0) this.latch.set();
  }

  /** The next of them, in order; undefined when there is nothing new. */
  take(): FeedItem | undefined {
    if (this.#taken === this.#opened.length) {
      this.#opened = this.#items;
      this.#items = [];
      this.#taken = 0;
    }
    const item = this.#opened[this.#taken];
    if (item !== undefined) this.#taken += 1;
    return item;
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
