import { HoldfastError, NotFoundError } from "../core/errors.ts";
import type { JournalEvent } from "../core/event.ts";
import type { Failure } from "../core/failure.ts";
import type { Position, SessionId } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Delta, EventFeed, FeedItem, Progress } from "./event-feed.ts";

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
  /**
   * Asked for each event; one that is not wanted is passed over, and so are pieces and progress. A reader
   * who waits for the end of a run need not be woken by every turn of it.
   */
  readonly isWanted?: (event: JournalEvent) => boolean;
};

type Source = { readonly store: JournalStore; readonly feed: EventFeed };
type Group = readonly StreamItem[];
type Asker = {
  readonly resolve: (result: IteratorResult<Group, undefined>) => void;
  readonly reject: (error: unknown) => void;
};

const PAGE = 500;
/** A subscriber that falls further behind than this loses deltas, never events: those are read again. */
const MAX_BUFFERED = 20_000;
const CAUGHT_UP: StreamItem = { kind: "caught-up" };
const DONE = { done: true, value: undefined } as const;

/**
 * Past and live events of one session by cursor: every later durable event once, in order, then live
 * ones, with the pieces of answers in progress between them (S5). What is there comes as one group: a
 * promise for each group, not one for each event. Nothing is subscribed to before the first `next`.
 *
 * Written out as an iterator: as a generator, following a session cost more than working it.
 */
export class SessionStream implements AsyncIterableIterator<Group, undefined, undefined> {
  readonly #from: Source;
  readonly #options: StreamOptions;
  #state: "new" | "open" | "closed" = "new";
  #position: Position;
  /** Start of the last model call that has ended: pieces of its answer are no news any more. */
  #endedCall: Position = 0;
  /** What the feed said and nobody has asked for yet. */
  #said: FeedItem[] = [];
  /** Something may be missing: the store is read before anything else is given out. */
  #mustRead = true;
  #isReading = false;
  readonly #askers: Asker[] = [];
  #unsubscribe: () => void = () => undefined;

  constructor(from: Source, options: StreamOptions) {
    this.#from = from;
    this.#options = options;
    this.#position = options.after;
  }

  /** The last durable event that was given out or passed over. */
  get position(): Position {
    return this.#position;
  }

  next(): Promise<IteratorResult<Group, undefined>> {
    if (this.#state === "new") this.#open();
    if (this.#isOver()) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#askers.push({ resolve, reject });
      this.#serve();
    });
  }

  return(): Promise<IteratorResult<Group, undefined>> {
    this.#close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #open(): void {
    this.#state = "open";
    const { feed } = this.#from;
    const { sessionId, signal } = this.#options;
    const stop = feed.subscribe(sessionId, (item) => this.#hear(item));
    signal?.addEventListener("abort", this.#onAbort);
    this.#unsubscribe = (): void => {
      stop();
      signal?.removeEventListener("abort", this.#onAbort);
    };
    for (const delta of feed.inProgress(sessionId)) this.#said.push({ kind: "delta", delta });
    const why = feed.whyBroken(sessionId);
    if (why !== null) this.#said.push({ kind: "broken", failure: why });
  }

  readonly #onAbort = (): void => this.#close();

  #isOver(): boolean {
    if (this.#state === "open" && this.#options.signal?.aborted === true) this.#close();
    return this.#state === "closed";
  }

  #close(): void {
    this.#state = "closed";
    this.#unsubscribe();
    this.#said = [];
    for (const asker of this.#askers.splice(0)) asker.resolve(DONE);
  }

  /** Whoever asked first is told; nothing comes after that. */
  #fail(error: unknown): void {
    this.#askers.shift()?.reject(error);
    this.#close();
  }

  #hear(item: FeedItem): void {
    if (this.#passesOver(item)) return;
    if (this.#said.length >= MAX_BUFFERED) this.#said = [{ kind: "look" }];
    this.#said.push(item);
    if (this.#askers.length > 0) this.#serve();
  }

  /** Takes note of what the reader does not want to be woken for. */
  #passesOver(item: FeedItem): boolean {
    const { isWanted } = this.#options;
    if (isWanted === undefined) return false;
    if (item.kind === "delta" || item.kind === "progress") return true;
    if (item.kind !== "events" || this.#mustRead || this.#isReading || this.#said.length > 0) return false;
    const [first] = item.events;
    if (first?.position !== this.#position + 1 || item.events.some(isWanted)) return false;
    this.#position += item.events.length;
    return true;
  }

  /** Gives out what there is, as long as somebody asks. */
  #serve(): void {
    while (this.#askers.length > 0 && !this.#isReading) {
      // guard S5: what is missing comes first
      if (this.#mustRead && this.#said[0]?.kind !== "look") {
        void this.#read();
        return;
      }
      if (this.#said.length === 0) return;
      const [first] = this.#said;
      if (first?.kind === "broken") {
        this.#fail(brokenError(first.failure));
        return;
      }
      const items = this.#follow();
      if (items.length > 0) this.#askers.shift()?.resolve({ done: false, value: items });
    }
  }

  /** What the feed said, up to where the store has to be read. */
  #follow(): Group {
    const items: StreamItem[] = [];
    const said = this.#said;
    let taken = 0;
    let hasCaughtUp = false;
    for (const item of said) {
      if (item.kind === "broken" || (this.#mustRead && item.kind !== "look")) break;
      if (item.kind === "events" && !this.#followEvents(item.events, items)) break;
      taken += 1;
      hasCaughtUp ||= item.kind === "events";
      // guard S5: what others have stored is read
      if (item.kind === "look") this.#mustRead = true;
      else if (item.kind === "progress") items.push(item);
      else if (
        item.kind === "delta" &&
        /* guard S5: no piece comes after its answer */ item.delta.startedAt > this.#endedCall
      )
        items.push(item);
    }
    this.#said = taken === said.length ? [] : said.slice(taken);
    // Once, behind all of them: whoever looks where the session stands then has seen what there is.
    const isNews = items.length > 0 || this.#options.isWanted === undefined;
    if (hasCaughtUp && isNews && !this.#mustRead) items.push(CAUGHT_UP);
    return items;
  }

  /** False when something is missing before these: they are looked at again when it has been read. */
  #followEvents(events: readonly JournalEvent[], items: StreamItem[]): boolean {
    for (const event of events) {
      // guard S5: an event is given out once
      if (event.position <= this.#position) continue;
      // guard S5: no event is passed over
      if (event.position !== this.#position + 1) {
        this.#mustRead = true;
        return false;
      }
      this.#take(event, items);
    }
    return true;
  }

  /** Moves the cursor over the next event, and gives it out when it is wanted. */
  #take(event: JournalEvent, items: StreamItem[]): void {
    const { header } = event;
    this.#position = event.position;
    if (header.type === "model-call.completed" || header.type === "model-call.failed") {
      this.#endedCall = header.startedAt;
    }
    const { isWanted } = this.#options;
    if (isWanted === undefined || isWanted(event)) items.push({ kind: "event", event });
  }

  /** A page of the store; the last one ends with the word that this was all. */
  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      const isAll = await this.#readPage();
      this.#isReading = false;
      this.#mustRead = this.#mustRead && !isAll;
      this.#serve();
    } catch (thrown) {
      this.#isReading = false;
      this.#fail(thrown);
    }
  }

  async #readPage(): Promise<boolean> {
    const { store } = this.#from;
    const { sessionId, omitPayload } = this.#options;
    const options = { limit: PAGE, ...(omitPayload === undefined ? {} : { omitPayload }) };
    const page = await store.read(sessionId, this.#position, options);
    if (page.length === 0 && this.#position === 0 && (await store.head(sessionId)) === undefined) {
      throw new NotFoundError("SESSION_NOT_FOUND", `There is no session ${sessionId}.`);
    }
    const items: StreamItem[] = [];
    for (const stored of page) this.#take(openEvent(stored), items);
    const isAll = page.length < PAGE;
    if (isAll) items.push(CAUGHT_UP);
    if (items.length > 0) this.#askers.shift()?.resolve({ done: false, value: items });
    return isAll;
  }
}

const brokenError = ({ code, message, retryable, details }: Failure): HoldfastError =>
  new HoldfastError(code, message, {
    retryable,
    hint:
      code === "RUNTIME_CLOSED"
        ? "The run goes on when a runtime is opened on the same data."
        : "The session was left as it is; `holdfast doctor` looks for damage.",
    ...(details === undefined ? {} : { details }),
  });
