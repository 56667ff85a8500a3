import { LONGEST_HELD_WAIT_MS } from "../core/retry-policy.ts";
import { nextBegin, stillCounting, type Begun } from "../core/rate.ts";
import type { CallLimits } from "../ports/call-limits.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** Whether a call may begin: now, soon (then it is woken), not for a while, or no more. */
export type Turn =
  | { readonly kind: "begins" }
  | { readonly kind: "waits" }
  | { readonly kind: "steps-aside"; readonly forMs: number }
  | { readonly kind: "waited-too-long" };

/** Who asks, and how long it may wait, where that is not what the line says. */
type AskedBy = { readonly mayRefuse: boolean; readonly maxWaitMs?: number; readonly wake: () => void };

/** One that can be woken when it is its turn. */
type Waiter = { readonly place: number; readonly timer: Timer; isDue: boolean; readonly wake: () => void };

/** Where one stands, also while it is not here. Times by the monotonic clock; `place` is a number that only grows. */
type Standing = {
  readonly place: number;
  since: number;
  asides: number;
  backBy: number;
  /** Since when it has given way: that time it does not wait for the line. */
  awaySince: number | null;
};

/** How much later than it was to one may come back and find its place. */
const LATE_MS = 60_000;
const LONGEST_ASIDE_MS = 40_000;
/** Who does not come back is forgotten when there are twice as many as were left the last time. */
const FORGET_ABOVE = 100;

/**
 * Those that want to use one thing, in the order in which they came. It lets in no more at once, and no more often, than
 * the limits say. Who steps aside, so as not to be held in memory, keeps its place, and is the next when it comes back.
 */
export class WaitingLine {
  readonly #limits: CallLimits;
  readonly #clock: Clock;
  readonly #inside = new Map<string, Standing>();
  readonly #standings = new Map<string, Standing>();
  /** Those that are here, and their tickets by place. */
  readonly #here = new Map<string, Waiter>();
  readonly #order: { readonly place: number; readonly ticket: string }[] = [];
  #begun: Begun = [];
  #places = 0;
  #forgetAt = FORGET_ABOVE;
  #alarm: Timer | null = null;

  constructor(limits: CallLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Asks for a turn, as often as one likes; `wake` is called when it is worth asking again. */
  ask(ticket: string, { mayRefuse, wake, maxWaitMs = this.#limits.maxWaitMs }: AskedBy): Turn {
    if (this.#inside.has(ticket)) return BEGINS;
    const now = this.#clock.monotonicMs();
    const standing = this.#standings.get(ticket) ?? this.#newStanding(ticket, now);
    comeBack(standing, now);
    const leftMs = mayRefuse ? standing.since + maxWaitMs - now : Number.POSITIVE_INFINITY;
    const isDue = this.#here.get(ticket)?.isDue ?? false;
    this.#stand(ticket, { place: standing.place, leftMs, wake });
    this.#letIn(ticket);
    if (this.#inside.has(ticket)) return BEGINS;
    // guard E7: nobody waits for longer than is said
    if (leftMs < 1) {
      this.leave(ticket);
      return { kind: "waited-too-long" };
    }
    const expectedMs = this.#expectedWaitMs(standing, now);
    // guard E7: who waits for long waits in the journal
    if (!isDue && expectedMs <= LONGEST_HELD_WAIT_MS) return { kind: "waits" };
    return this.#stepAside(ticket, { standing, now, mostMs: leftMs, expectedMs });
  }

  /** Its call cannot begin now, for a reason of its own: others go first, and it keeps its place. */
  giveWay(ticket: string): void {
    const standing = this.#inside.get(ticket) ?? this.#standings.get(ticket);
    if (standing === undefined) return;
    const now = this.#clock.monotonicMs();
    this.#takeOut(ticket);
    standing.awaySince = now;
    standing.backBy = now + this.#limits.maxWaitMs + LATE_MS;
    this.#standings.set(ticket, standing);
    // guard E7: who gives way lets the next one in
    if (this.#inside.delete(ticket)) this.#letIn();
  }

  /** Its call has ended, or will not begin. */
  leave(ticket: string): void {
    this.#standings.delete(ticket);
    this.#takeOut(ticket);
    // guard E7: who leaves lets the next one in
    if (this.#inside.delete(ticket)) this.#letIn();
  }

  /** Calls that have begun and not ended. */
  get underWay(): number {
    return this.#inside.size;
  }

  /** Calls that want to begin, those that wait in the journal included. */
  countWaiting(): number {
    this.#forget(this.#clock.monotonicMs());
    return this.#standings.size;
  }

  /** Whether nothing of it is to be remembered. */
  isIdle(): boolean {
    const now = this.#clock.monotonicMs();
    this.#forget(now);
    this.#outdate(now);
    return this.#inside.size === 0 && this.#standings.size === 0 && this.#begun.length === 0;
  }

  close(): void {
    for (const ticket of this.#here.keys()) this.#takeOut(ticket);
    this.#setAlarm(null);
  }

  #stand(
    ticket: string,
    { place, leftMs, wake }: { readonly place: number; readonly leftMs: number; readonly wake: () => void },
  ): void {
    if (this.#here.has(ticket)) return;
    const timer = this.#clock.startTimer(Math.max(0, Math.min(LONGEST_HELD_WAIT_MS, leftMs)), () => {
      waiter.isDue = true;
      wake();
    });
    const waiter: Waiter = { place, timer, isDue: false, wake };
    this.#here.set(ticket, waiter);
    // guard E7: who came first goes first
    this.#order.splice(this.#indexOf(place), 0, { place, ticket });
  }

  #newStanding(ticket: string, now: number): Standing {
    if (this.#standings.size >= this.#forgetAt) this.#forget(now);
    this.#places += 1;
    const standing: Standing = { place: this.#places, since: now, asides: 0, backBy: now, awaySince: null };
    this.#standings.set(ticket, standing);
    return standing;
  }

  #stepAside(
    ticket: string,
    about: {
      readonly standing: Standing;
      readonly now: number;
      readonly mostMs: number;
      readonly expectedMs: number;
    },
  ): Turn {
    const { standing, now, mostMs, expectedMs } = about;
    this.#takeOut(ticket);
    standing.asides += 1;
    const asideMs = Math.min(LONGEST_HELD_WAIT_MS * 2 ** Math.min(standing.asides, 10), LONGEST_ASIDE_MS);
    const forMs = Math.ceil(Math.min(mostMs, Math.max(asideMs, expectedMs)));
    standing.backBy = now + forMs + LATE_MS;
    return { kind: "steps-aside", forMs };
  }

  /** Who does not come back: its run was cancelled, or another process has it. */
  #forget(now: number): void {
    for (const [ticket, { backBy }] of this.#standings)
      if (backBy < now && !this.#here.has(ticket)) this.#standings.delete(ticket);
    this.#forgetAt = Math.max(FORGET_ABOVE, 2 * this.#standings.size);
  }

  #outdate(now: number): void {
    const { rate } = this.#limits;
    if (rate !== null) this.#begun = stillCounting(this.#begun, rate, now);
  }

  #takeOut(ticket: string): void {
    const waiter = this.#here.get(ticket);
    if (waiter === undefined) return;
    waiter.timer.stop();
    this.#here.delete(ticket);
    this.#order.splice(this.#indexOf(waiter.place), 1);
  }

  /** Where one with this place stands, or would. */
  #indexOf(place: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#order[middle]?.place ?? place) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whoever asks just now need not be woken. */
  #letIn(asking: string | null = null): void {
    const { maxConcurrent, rate } = this.#limits;
    this.#setAlarm(null);
    for (;;) {
      const [first] = this.#order;
      if (first === undefined) return;
      // guard E7: no more are under way at once than may be
      if (maxConcurrent !== null && this.#inside.size >= maxConcurrent) return;
      const now = this.#clock.monotonicMs();
      this.#outdate(now);
      const at = rate === null ? now : nextBegin(this.#begun, rate, { now, ahead: 0 });
      // guard E7: none begins more often than may be
      if (at > now) return this.#setAlarm(at - now);
      if (rate !== null) this.#begun = [...this.#begun, now];
      const waiter = this.#enter(first.ticket);
      if (first.ticket !== asking) waiter?.wake();
    }
  }

  #enter(ticket: string): Waiter | undefined {
    const waiter = this.#here.get(ticket);
    const standing = this.#standings.get(ticket);
    this.#takeOut(ticket);
    this.#standings.delete(ticket);
    if (standing !== undefined) this.#inside.set(ticket, standing);
    return waiter;
  }

  #setAlarm(afterMs: number | null): void {
    this.#alarm?.stop();
    this.#alarm = afterMs === null ? null : this.#clock.startTimer(Math.ceil(afterMs), () => this.#letIn());
  }

  /** By the rate, as far as that can be known; how long others take inside cannot. */
  #expectedWaitMs({ place }: Standing, now: number): number {
    const { rate } = this.#limits;
    if (rate === null) return 0;
    return nextBegin(this.#begun, rate, { now, ahead: this.#indexOf(place) }) - now;
  }
}

const comeBack = (standing: Standing, now: number): void => {
  if (standing.awaySince !== null) standing.since += now - standing.awaySince;
  standing.awaySince = null;
};

const BEGINS: Turn = { kind: "begins" };
