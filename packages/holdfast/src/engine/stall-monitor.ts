import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/tool.ts";

/** How long the event loop may be held before it is said (S2). */
const MAX_STALL_MS = 200;
/** How often the loop is looked at, and only while tools are in flight (S3). */
const LOOK_EVERY_MS = 50;

/** So many sessions are named; of a thousand that were in flight nobody wants to read more. */
const MOST_NAMED = 10;

export type WatchedCall = {
  readonly tool: string;
  readonly sessionId: string;
  /** Calls back once nobody waits for the call any more: it may still be named, but nothing is held for it. */
  readonly onStop: (listener: () => void) => () => void;
};

/**
 * Reports functions that hold the event loop of this process, so that every session waits (S2).
 * What a tool does before its first `await` is its own doing for certain; of what happens later only
 * the tools in flight can be named.
 */
export class StallMonitor {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #inFlight = new Set<WatchedCall>();
  readonly #waitedFor = new Set<WatchedCall>();
  #timer: Timer | null = null;
  #dueAtMs = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Enters a tool's own code; a synchronous throw becomes a rejection. */
  async watch(call: WatchedCall, work: () => Promise<unknown>): Promise<unknown> {
    // A call of its own, so that two of the same tool are two.
    const entry = { ...call };
    if (this.#waitedFor.size === 0) this.#arm();
    else this.#look();
    this.#inFlight.add(entry);
    this.#waitedFor.add(entry);
    const forget = call.onStop(() => this.#leave(entry));
    try {
      return await this.#enter(entry, work);
    } finally {
      this.#leave(entry);
      this.#inFlight.delete(entry);
      forget();
    }
  }

  #leave(entry: WatchedCall): void {
    if (this.#waitedFor.size > 0) this.#look();
    this.#waitedFor.delete(entry);
    if (this.#waitedFor.size === 0) this.#timer?.stop();
  }

  #enter(call: WatchedCall, work: () => Promise<unknown>): Promise<unknown> {
    const begun = this.#clock.monotonicMs();
    try {
      return work();
    } finally {
      const stalledMs = this.#clock.monotonicMs() - begun;
      if (stalledMs > MAX_STALL_MS) {
        this.#arm();
        this.#report([call], { stalledMs, isItsDoing: true });
      }
    }
  }

  /** A look that comes late says how long nothing else could run. */
  #look(): void {
    const lateMs = this.#clock.monotonicMs() - this.#dueAtMs;
    if (lateMs <= MAX_STALL_MS) return;
    this.#arm();
    this.#report([...this.#inFlight], { stalledMs: lateMs, isItsDoing: this.#inFlight.size === 1 });
  }

  #arm(): void {
    this.#timer?.stop();
    this.#dueAtMs = this.#clock.monotonicMs() + LOOK_EVERY_MS;
    this.#timer = this.#clock.startTimer(LOOK_EVERY_MS, () => {
      this.#look();
      this.#arm();
    });
  }

  #report(
    calls: readonly WatchedCall[],
    held: { readonly stalledMs: number; readonly isItsDoing: boolean },
  ): void {
    const stalledMs = Math.round(held.stalledMs);
    const tools = [...new Set(calls.map((call) => call.tool))];
    const sessions = [...new Set(calls.map((call) => call.sessionId))];
    const sessionIds = sessions.slice(0, MOST_NAMED);
    const more = sessions.length > MOST_NAMED ? { sessions: sessions.length } : {};
    const message = held.isItsDoing
      ? `Tool ${tools.join()} held the event loop for ${stalledMs} ms; other sessions waited.`
      : `The event loop was held for ${stalledMs} ms while tools were in flight: ${tools.join(", ")}; other sessions waited.`;
    this.#logger.warn(message, { tools, sessionIds, ...more, stalledMs });
  }
}
