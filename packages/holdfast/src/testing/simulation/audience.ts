import type { SessionId } from "../../core/ids.ts";
import type { Follower } from "./history.ts";
import type { Ledger } from "./ledger.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Booted } from "./booted.ts";

/** Those who follow sessions, each from one process, as a subscriber would. */
export class Audience {
  readonly #ledger: Ledger;
  readonly #following = new Map<Follower, SimulatedProcess>();
  #subscribers = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  watch({ process, runtime, watched }: Booted, sessionId: SessionId): void {
    if (watched.has(sessionId)) return;
    watched.add(sessionId);
    this.#subscribers += 1;
    const subscriber = `${process.name}/${this.#subscribers}`;
    const follower = { subscriber, sessionId };
    const follow = async (): Promise<void> => {
      this.#following.set(follower, process);
      const session = await runtime.getSession(sessionId);
      let after = 0;
      for await (const event of session.events()) {
        if (process.isDead) return;
        const durable = this.#ledger.durableOf(sessionId);
        if (event.kind === "delta") this.#ledger.pieces.push({ ...event, subscriber, sessionId, after });
        if (event.kind !== "event") continue;
        after = event.position;
        this.#ledger.sightings.push({ subscriber, sessionId, position: after, type: event.type, durable });
      }
    };
    const left = (): void => {
      watched.delete(sessionId);
      this.#following.delete(follower);
    };
    void follow().then(left, left);
  }

  /** Those who still follow, from a process with which all is well. */
  followers(isWell: (process: SimulatedProcess) => boolean): readonly Follower[] {
    return [...this.#following].flatMap(([follower, process]) => (isWell(process) ? [follower] : []));
  }
}
