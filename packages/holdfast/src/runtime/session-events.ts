import type { SessionStream, StreamItem } from "../engine/event-stream.ts";
import { toSessionEvent, type SessionEvent } from "./session-event.ts";

type Result = IteratorResult<SessionEvent, undefined>;

const DONE = { done: true, value: undefined } as const;

/**
 * What a subscriber iterates over: the groups of a stream, one event after another, to the last one if
 * there is one. Calls of `next` that do not wait for each other are answered in the order of asking.
 */
export class SessionEvents implements AsyncGenerator<SessionEvent, undefined, undefined> {
  readonly #stream: SessionStream;
  readonly #isLast: (event: StreamItem & { kind: "event" }) => boolean;
  #group: readonly StreamItem[] = [];
  #taken = 0;
  #isOver = false;
  /** The `next` that waits for the stream, while one does. */
  #waiting: Promise<Result> | null = null;

  constructor(stream: SessionStream, isLast: (event: StreamItem & { kind: "event" }) => boolean) {
    this.#stream = stream;
    this.#isLast = isLast;
  }

  next(): Promise<Result> {
    if (this.#waiting !== null) return this.#wait(this.#waiting.then(noResult, noResult));
    const event = this.#take();
    return event === null ? this.#wait(Promise.resolve()) : Promise.resolve(event);
  }

  async return(): Promise<Result> {
    this.#isOver = true;
    await this.#stream.return();
    return DONE;
  }

  async throw(reason: unknown): Promise<Result> {
    await this.return();
    throw reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wait(before: Promise<void>): Promise<Result> {
    const asked = before.then(() => this.#pull());
    this.#waiting = asked;
    const done = (): void => {
      if (this.#waiting === asked) this.#waiting = null;
    };
    asked.then(done, done);
    return asked;
  }

  async #pull(): Promise<Result> {
    for (;;) {
      const event = this.#take();
      if (event !== null) return event;
      const { done, value } = await this.#stream.next();
      if (done === true) this.#isOver = true;
      this.#group = value ?? [];
      this.#taken = 0;
    }
  }

  /** The next event of the group; null when there is none left in it. */
  #take(): Result | null {
    while (!this.#isOver) {
      const item = this.#group[this.#taken];
      if (item === undefined) return null;
      this.#taken += 1;
      if (item.kind === "caught-up") continue;
      if (item.kind === "event" && this.#isLast(item)) void this.return();
      return { done: false, value: toSessionEvent(item) };
    }
    return DONE;
  }
}

const noResult = (): void => undefined;
