import type { Outcome, Run } from "../../runtime/index.ts";
import type { Asker, RunAnswer } from "./checker/history.ts";
import type { Booted } from "./booted.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** How many of those who hand something in wait for what comes of it. */
const SHARE_THAT_ASK = 0.5;

type Question = (run: Run, asker: Asker) => Promise<void>;

/** Those who wait for the end of a run, each in one process: for its outcome, its text, or its events. */
export class Askers {
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #waiting = new Map<Asker, SimulatedProcess>();
  #count = 0;

  constructor(ledger: Ledger, random: Random) {
    this.#ledger = ledger;
    this.#random = random;
  }

  ask({ process }: Booted, run: Run): void {
    if (!this.#random.chance(SHARE_THAT_ASK)) return;
    this.#count += 1;
    const name = `${process.name}/asker ${this.#count}`;
    const asker: Asker = { name, sessionId: run.sessionId, runId: run.id };
    this.#waiting.set(asker, process);
    const left = (): void => void this.#waiting.delete(asker);
    const question = this.#random.pick<Question>([
      (...asked) => this.#outcome(...asked),
      (...asked) => this.#outcome(...asked),
      (...asked) => this.#text(...asked),
      (...asked) => this.#events(...asked),
    ]);
    void question(run, asker).then(left, left);
  }

  /** Those who still wait, in a process with which all is well. */
  waiting(isWell: (process: SimulatedProcess) => boolean): readonly Asker[] {
    return [...this.#waiting].flatMap(([asker, process]) => (isWell(process) ? [asker] : []));
  }

  async #outcome(run: Run, asker: Asker): Promise<void> {
    const until = this.#random.pick(["suspended", "settled"] as const);
    const told = await run.outcome({ until });
    this.#answered(asker, { kind: "outcome", told });
    // What waits for somebody goes on, and has an end of its own.
    if (told.status === "suspended") this.#answered(asker, { kind: "outcome", told: await settled(run) });
  }

  async #text(run: Run, asker: Asker): Promise<void> {
    const onCut = this.#random.pick(["fail", "restart"] as const);
    let text = "";
    let isCut = false;
    try {
      for await (const piece of run.text({ onCut })) text += piece;
    } catch (thrown) {
      if (!isInterruption(thrown)) throw thrown;
      isCut = true;
    }
    this.#answered(asker, { kind: "text", onCut, text, isCut });
  }

  async #events(run: Run, asker: Asker): Promise<void> {
    const { name: subscriber, sessionId } = asker;
    let last = 0;
    for await (const event of run.events({ after: 0 })) {
      if (event.kind !== "event") continue;
      last = event.position;
      const durable = this.#ledger.durableOf(sessionId);
      this.#ledger.sightings.push({
        subscriber,
        sessionId,
        position: last,
        type: event.type,
        durable,
        since: 0,
      });
    }
    this.#answered(asker, { kind: "events", last });
  }

  #answered({ sessionId, runId }: Asker, answer: RunAnswer["answer"]): void {
    this.#ledger.answers.push({ sessionId, runId, durable: this.#ledger.durableOf(sessionId), answer });
  }
}

const settled = (run: Run): Promise<Outcome> => run.outcome({ until: "settled" });

const isInterruption = (thrown: unknown): boolean =>
  thrown instanceof Error && "code" in thrown && thrown.code === "STREAM_INTERRUPTED";
