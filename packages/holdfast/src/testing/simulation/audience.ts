import type { Position, SessionId } from "../../core/ids.ts";
import type { SessionEvent } from "../../runtime/index.ts";
import type { Booted } from "./booted.ts";
import type { Follower } from "./checker/history.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** As many follow one session from one process. */
const MOST_FOLLOWERS = 2;

/** How many leave again, and after how long; they come back to where they were. */
const SHARE_THAT_LEAVE = 0.3;
const STAYS_MS = [1, 40, 300, 5_000] as const;

type Seat = { readonly booted: Booted; readonly sessionId: SessionId };

/** Those who follow sessions, each from one process, as a subscriber would: from anywhere, some not for ever. */
export class Audience {
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #following = new Map<Follower, SimulatedProcess>();
  readonly #taken = new Map<string, number>();
  #subscribers = 0;

  constructor(ledger: Ledger, random: Random) {
    this.#ledger = ledger;
    this.#random = random;
  }

  watch(booted: Booted, sessionId: SessionId): void {
    const place = `${booted.process.name} ${sessionId}`;
    const taken = this.#taken.get(place) ?? 0;
    if (taken >= MOST_FOLLOWERS) return;
    this.#taken.set(place, taken + 1);
    const left = (): void => void this.#taken.set(place, (this.#taken.get(place) ?? 1) - 1);
    void this.#follow({ booted, sessionId }, this.#somewhere(sessionId)).then(left, left);
  }

  /** Reads what there is, and does not wait for more. */
  async look(booted: Booted, sessionId: SessionId): Promise<void> {
    const durable = this.#ledger.durableOf(sessionId);
    const since = this.#somewhere(sessionId);
    const subscriber = this.#subscribe(booted.process);
    const session = await booted.runtime.getSession(sessionId);
    let seen = since;
    for await (const event of session.history({ after: since }))
      seen = this.#see({ subscriber, sessionId, since, after: seen }, event);
    this.#ledger.glances.push({ subscriber, sessionId, seen, least: durable });
  }

  /** Those who still follow, from a process with which all is well. */
  followers(isWell: (process: SimulatedProcess) => boolean): readonly Follower[] {
    return [...this.#following].flatMap(([follower, process]) => (isWell(process) ? [follower] : []));
  }

  #somewhere(sessionId: SessionId): Position {
    const durable = this.#ledger.durableOf(sessionId);
    return this.#random.pick([0, 0, this.#random.between(0, durable), durable]);
  }

  #subscribe({ name }: SimulatedProcess): string {
    this.#subscribers += 1;
    return `${name}/${this.#subscribers}`;
  }

  async #follow(seat: Seat, since: Position): Promise<void> {
    const { booted, sessionId } = seat;
    const { process, runtime } = booted;
    const follower = { subscriber: this.#subscribe(process), sessionId, since };
    const leaving = new AbortController();
    let after = since;
    this.#following.set(follower, process);
    try {
      const session = await runtime.getSession(sessionId);
      if (this.#random.chance(SHARE_THAT_LEAVE))
        process.clock.startTimer(this.#random.pick(STAYS_MS), () => leaving.abort());
      for await (const event of session.events({ after: since, signal: leaving.signal })) {
        if (process.isDead) return;
        after = this.#see({ ...follower, after }, event);
      }
    } finally {
      this.#following.delete(follower);
    }
    if (leaving.signal.aborted && !process.isDead) await this.#follow(seat, after);
  }

  /** Writes down what was seen, and answers the last event that was. */
  #see(by: Follower & { readonly since: Position; readonly after: Position }, event: SessionEvent): Position {
    const { subscriber, sessionId, since, after } = by;
    const { ledger } = { ledger: this.#ledger };
    if (event.kind === "delta") ledger.pieces.push({ ...event, subscriber, sessionId, after, since });
    if (event.kind === "progress") ledger.remarks.push({ sessionId, text: event.message });
    if (event.kind !== "event") return after;
    const durable = ledger.durableOf(sessionId);
    const { position, type } = event;
    ledger.sightings.push({ subscriber, sessionId, position, type, durable, since });
    return position;
  }
}
