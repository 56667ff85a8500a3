import type { CallLimits } from "../ports/call-limits.ts";
import type { Clock } from "../ports/clock.ts";
import { WaitingLine, type Turn } from "./waiting-line.ts";

/** A call that wants its turn. */
export type Asking = {
  readonly limits: CallLimits;
  /** Whose calls it is counted with; all the same where that is of no matter. */
  readonly whose: string;
  /** Names the attempt, the same whenever it asks. */
  readonly ticket: string;
  /** Whether it may be told that it has waited too long: not where it may have happened already. */
  readonly mayRefuse: boolean;
  readonly wake: () => void;
};

/** How full the lines of one name are. */
export type LineCount = { readonly name: string; readonly underWay: number; readonly waiting: number };

/** Swept when there are twice as many as were left the last time: a look at each, for each that is new, is too much. */
const SWEEP_ABOVE = 100;

/** Where calls of limited tools wait for their turn: a line for each name, and for each of those that are counted apart. */
export class WaitingLines {
  readonly #clock: Clock;
  readonly #lines = new Map<string, WaitingLine>();
  #sweepAt = SWEEP_ABOVE;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ask({ limits, whose, ticket, mayRefuse, wake }: Asking): {
    readonly turn: Turn;
    readonly leave: () => void;
    readonly giveWay: () => void;
  } {
    const line = this.#find(limits, whose);
    const turn = line.ask(ticket, { mayRefuse, wake, maxWaitMs: limits.maxWaitMs });
    return { turn, leave: () => line.leave(ticket), giveWay: () => line.giveWay(ticket) };
  }

  /** Calls under way and waiting, by the name of the limits, whoever they are counted for. */
  counts(): readonly LineCount[] {
    const counts = new Map<string, LineCount>();
    for (const [key, line] of this.#lines) {
      const [name] = JSON.parse(key) as readonly [string, string];
      const { underWay = 0, waiting = 0 } = counts.get(name) ?? {};
      counts.set(name, { name, underWay: underWay + line.underWay, waiting: waiting + line.countWaiting() });
    }
    return [...counts.values()];
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }

  #find(limits: CallLimits, whose: string): WaitingLine {
    const name = JSON.stringify([limits.name, whose]);
    const found = this.#lines.get(name);
    if (found !== undefined) return found;
    if (this.#lines.size >= this.#sweepAt) this.#sweep();
    const line = new WaitingLine(limits, this.#clock);
    this.#lines.set(name, line);
    return line;
  }

  /** A tenant that is gone leaves nothing behind. */
  #sweep(): void {
    for (const [name, line] of this.#lines) if (line.isIdle()) this.#lines.delete(name);
    this.#sweepAt = Math.max(SWEEP_ABOVE, 2 * this.#lines.size);
  }
}
