import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Acknowledgement } from "./acknowledgement.ts";
import { chanceOf, pickOf } from "./chance.ts";
import { readAcknowledgements, readEvidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { judge } from "./judge.ts";
import { live } from "./life.ts";
import type { LifeOrder } from "./order.ts";
import { planDeath, type Counts } from "./planned-death.ts";

/** One data directory and the processes that die in it, one after another or two at a time. */
export type ChainPlan = {
  readonly seed: string;
  readonly root: string;
  readonly port: number;
  readonly kills: number;
  readonly counts: Counts;
  readonly mayTrace: boolean;
};

export type ChainResult = {
  readonly folder: string;
  /** What each kill hit, one entry a kill. */
  readonly killedAt: readonly string[];
  readonly seats: number;
  readonly lives: number;
  readonly findings: readonly Finding[];
  readonly acknowledgements: Readonly<Record<Acknowledgement["kind"], number>>;
  readonly events: number;
  readonly effects: number;
};

/** Named after their directory: what a name leads to, refusals of the service among it, is another in each. */
const sessionsOf = (folder: string): LifeOrder["sessions"] =>
  ["clerk", "clerk", "porter", "porter"].map((agent, index) => ({ key: `${folder}.${index}`, agent }));

/** Share of directories that two processes have open at once. */
const TWO_AT_ONCE = 0.35;
const VISITS = 0.12;

/** Kills until enough were killed; then one process brings everything to its end, and what is left is judged. */
export const runChain = async (plan: ChainPlan): Promise<ChainResult> => {
  const chain = new Chain(plan);
  const seats = chanceOf(`${plan.seed}:seats`) < TWO_AT_ONCE ? 2 : 1;
  await Promise.all(Array.from({ length: seats }, (_, seat) => chain.kill(seat)));
  const last = await live({ order: chain.order("last", "finish"), death: null, records: chain.records });
  const trouble = [...chain.trouble, ...(last.trouble === null ? [] : [last.trouble])];
  const evidence = await readEvidence(chain.records, chain.dataDir);
  const counts = { session: 0, input: 0, event: 0, outcome: 0, resolution: 0 };
  for (const { kind } of evidence.acknowledgements) counts[kind] += 1;
  return {
    folder: chain.folder,
    killedAt: chain.killedAt,
    seats,
    lives: chain.lives + 1,
    findings: [...trouble.map((what) => ({ rule: "process", what })), ...judge(evidence)],
    acknowledgements: counts,
    events: [...evidence.journals.values()].reduce((sum, events) => sum + events.length, 0),
    effects: evidence.effects.length,
  };
};

class Chain {
  readonly folder: string;
  readonly records: string;
  readonly dataDir: string;
  readonly killedAt: string[] = [];
  readonly trouble: string[] = [];
  lives = 0;
  readonly #plan: ChainPlan;

  constructor(plan: ChainPlan) {
    this.#plan = plan;
    this.folder = plan.seed.replaceAll(/\W/g, "-");
    this.records = join(plan.root, this.folder);
    this.dataDir = join(this.records, "data");
    mkdirSync(this.records, { recursive: true });
  }

  /** One seat: a process, and when it is dead the next. */
  async kill(seat: number): Promise<void> {
    const { kills, seed, counts, mayTrace } = this.#plan;
    for (let n = 0; this.killedAt.length < kills && this.trouble.length === 0; n += 1) {
      const life = `${seat}.${n}`;
      const mode = chanceOf(`${seed}:${life}:mode`) < VISITS ? "visit" : "work";
      const death = planDeath(`${seed}:${life}`, counts, mayTrace);
      this.lives += 1;
      const { killedAt, trouble } = await live({
        order: this.order(life, mode),
        death,
        records: this.records,
      });
      if (trouble !== null) this.trouble.push(trouble);
      if (killedAt !== null) this.killedAt.push(killedAt);
    }
  }

  order(life: string, mode: LifeOrder["mode"]): LifeOrder {
    const { seed, port } = this.#plan;
    const told = readAcknowledgements(this.records);
    const seen: Record<string, number> = {};
    // Now and then a subscriber begins at the beginning, and must see again what others saw.
    const isFromStart = mode === "finish" || chanceOf(`${seed}:${life}:from`) < 0.1;
    for (const one of told) {
      if (one.kind !== "event" || isFromStart) continue;
      seen[one.sessionId] = Math.max(seen[one.sessionId] ?? 0, one.position);
    }
    const usual = sessionsOf(this.folder);
    const fresh = { key: `${this.folder}.fresh.${life}`, agent: "clerk" };
    const known = new Set([...usual, fresh].map(({ key }) => key));
    const others = told.flatMap((one) =>
      mode === "finish" && one.kind === "session" && !known.has(one.key) ? [one.key] : [],
    );
    const isFresh = mode !== "finish" && chanceOf(`${seed}:${life}:fresh`) < 0.25;
    return {
      dataDir: this.dataDir,
      port,
      folder: this.folder,
      life,
      mode,
      acknowledgementsTo: join(this.records, `acknowledged-${life}.jsonl`),
      sessions: [
        ...usual,
        ...(isFresh ? [fresh] : []),
        ...[...new Set(others)].map((key) => ({ key, agent: fresh.agent })),
      ],
      again:
        mode === "finish" ? told.filter((one) => one.kind === "input").map(sentOf) : this.#again(told, life),
      seen,
    };
  }

  /** An input that was acknowledged before, sent once more: it must be answered with the same run. */
  #again(told: readonly Acknowledgement[], life: string): LifeOrder["again"] {
    const inputs = told.filter((one) => one.kind === "input");
    const [first, ...rest] = inputs;
    if (first === undefined) return [];
    return [sentOf(pickOf(`${this.#plan.seed}:${life}:again`, [first, ...rest]))];
  }
}

/** A task names the session it was sent to. */
const sentOf = ({ says }: { readonly says: string }): LifeOrder["again"][number] => ({
  session: says.slice("task ".length).split("/")[0] ?? "",
  says,
});
