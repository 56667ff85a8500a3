import { toFailure } from "../core/failure.ts";
import type { Duty } from "../ports/duty.ts";
import type { EngineServices } from "./services.ts";

/** How many duties of one assignee are looked at in one round. */
const BATCH = 64;
/** How many of one assignee are under way at once: one that is slow does not hold up the others (S1). */
const MOST_AT_ONCE = 16;
/** One that went wrong, or that is of a version that is not known here, is left alone for this long. */
const PAUSE_MS = 5_000;

export type DutyWork = {
  readonly assignees: () => readonly string[];
  /** False when it is not understood here, and stays as it is. */
  readonly perform: (duty: Duty) => Promise<boolean>;
};

/**
 * Does what is due outside of sessions. It has no timer of its own: whoever asks the store when to look next is told
 * of duties too, and comes here when one has come. What waits costs a row and nothing else (S3).
 */
export class DutyRound {
  readonly #services: Pick<EngineServices, "store" | "clock" | "logger">;
  readonly #work: DutyWork;
  readonly #onDone: () => void;
  /** By duty, whose it is. */
  readonly #underWay = new Map<string, string>();
  readonly #restsUntil = new Map<string, number>();
  #isOpen = true;

  constructor(
    services: Pick<EngineServices, "store" | "clock" | "logger">,
    work: DutyWork,
    onDone: () => void,
  ) {
    this.#services = services;
    this.#work = work;
    this.#onDone = onDone;
  }

  get assignees(): readonly string[] {
    return this.#work.assignees();
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /** Nothing new is begun any more. */
  close(): void {
    this.#isOpen = false;
  }

  /** Begins what is due, where something is; does not wait for it. */
  async look(): Promise<void> {
    for (const assignee of this.assignees) {
      if (!this.#hasRoom(assignee)) continue;
      const due = await this.#services.store.dueDuties({ assignees: [assignee], limit: BATCH });
      for (const duty of due) {
        if (!this.#isOpen || !this.#hasRoom(assignee)) break;
        if (!this.#isResting(duty)) void this.#begin(duty);
      }
    }
  }

  #hasRoom(assignee: string): boolean {
    let count = 0;
    for (const other of this.#underWay.values()) if (other === assignee) count += 1;
    return count < MOST_AT_ONCE;
  }

  async #begin(duty: Duty): Promise<void> {
    const key = keyOf(duty);
    // guard J2: a duty is begun once in a process
    if (this.#underWay.has(key)) return;
    this.#underWay.set(key, duty.assignee);
    try {
      // S6: what is not understood here is left to others
      if (!(await this.#work.perform(duty))) this.#rest(key);
    } catch (thrown) {
      const failure = toFailure(thrown);
      this.#rest(key);
      if (this.#isOpen)
        this.#services.logger.warn(
          `The ${duty.kind} ${duty.id} could not be looked after: ${failure.message}`,
          {
            duty: duty.id,
            failure,
          },
        );
    } finally {
      this.#underWay.delete(key);
      this.#onDone();
    }
  }

  #rest(key: string): void {
    this.#restsUntil.set(key, this.#services.clock.monotonicMs() + PAUSE_MS);
  }

  #isResting(duty: Duty): boolean {
    const until = this.#restsUntil.get(keyOf(duty));
    if (until === undefined) return false;
    if (until > this.#services.clock.monotonicMs()) return true;
    this.#restsUntil.delete(keyOf(duty));
    return false;
  }
}

const keyOf = ({ kind, id }: Duty): string => `${kind} ${id}`;
