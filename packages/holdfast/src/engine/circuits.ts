import {
  admitCall,
  closedCircuit,
  settleCircuit,
  type Admission,
  type Circuit,
  type CircuitOutcome,
  type CircuitPolicy,
} from "../core/circuit.ts";
import { toFailure } from "../core/failure.ts";
import type { Agent } from "../ports/agent.ts";
import type { Clock } from "../ports/clock.ts";
import type { Duty } from "../ports/duty.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Logger } from "../ports/tool.ts";

/** A circuit as an operator sees it. */
export type CircuitStatus = { readonly name: string; readonly circuit: Circuit };

/** Time in which the end of a probe is recorded, after the longest that it may take. */
const PROBE_GRACE_MS = 5_000;
const PAGE = 1_000;
const VERSION = 1;

/**
 * One circuit in this process. `revision` is that of what the store has of it, null where it has nothing; what is
 * `isUnsaved` is newer than that, and nothing older is taken over in its place. `before` is what it was when that began.
 */
type Kept = { circuit: Circuit; revision: number | null; isUnsaved: boolean; before: Circuit };

/** Which circuit it is, and by which rules it opens. */
export type CircuitUse = { readonly name: string; readonly policy: CircuitPolicy };

/** What became of a circuit in this process; `revision` is that of what the store had of it before. */
export type CircuitChange = {
  readonly name: string;
  readonly before: Circuit;
  readonly after: Circuit;
  readonly revision: number;
};

type Asking = { readonly call: string; readonly limitMs: number };

type Parts = {
  readonly agents: ReadonlyMap<string, Agent>;
  /** Whether models have circuits too. */
  readonly areModelsHeldBack: boolean;
  readonly store: Pick<JournalStore, "changeDuty" | "listDuties">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tells whoever wants to know. */
  readonly report: (change: CircuitChange) => Promise<void>;
};

/**
 * Holds calls back from what keeps failing (E7): shared by all sessions of a process. One that opens is put into the store, so that the
 * next process, and the others in time, begin with it; what is counted before it opens is each process's own.
 */
export class Circuits {
  readonly #parts: Parts;
  readonly #kept = new Map<string, Kept>();
  /** Writes to the store, one after another. */
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether this call may be made now, which takes `limitMs` at most: from now on it may be the one that tries it. */
  ask(use: CircuitUse, asking: Asking): Admission {
    const admission = this.wouldAdmit(use, asking);
    if (admission.isAdmitted) this.#find(use.name).circuit = admission.circuit;
    return admission;
  }

  /** The same, while it is not begun. */
  wouldAdmit({ name, policy }: CircuitUse, { call, limitMs }: Asking): Admission {
    const now = this.#parts.clock.now();
    return admitCall(this.#find(name).circuit, policy, { now, call, probeMs: limitMs + PROBE_GRACE_MS });
  }

  /** A call has ended. */
  settle(use: CircuitUse, call: string, outcome: CircuitOutcome): void {
    this.#move(use, call, outcome);
  }

  /** All that are not closed, by name. */
  list(): readonly CircuitStatus[] {
    return [...this.#kept]
      .flatMap(([name, { circuit }]) => (circuit.kind === "closed" ? [] : [{ name, circuit }]))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Takes over what other processes have found out, where anything here has a circuit. */
  async refreshUsed(): Promise<void> {
    if (this.#parts.areModelsHeldBack) return this.refresh();
    const agents = [...this.#parts.agents.values()].flatMap((agent) => [agent, ...agent.older]);
    const isUsed = agents.some(({ tools }) => [...tools.values()].some(({ circuit }) => circuit));
    if (isUsed) await this.refresh();
  }

  /** What was found out here is in the store when this resolves, or was said to be lost. */
  async saved(): Promise<void> {
    await this.#writing;
  }

  async refresh(): Promise<void> {
    const looking = this.#writing.then(() => this.#look());
    this.#writing = looking.catch(() => undefined);
    await looking;
  }

  async #look(): Promise<void> {
    for (const [name, kept] of this.#kept) {
      // guard E7: what could not be stored is stored when the store is back
      if (kept.isUnsaved && kept.circuit.kind !== "half-open") await this.#save(name, kept, kept.before);
    }
    const stored = new Set<string>();
    let cursor: string | null = null;
    do {
      const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
      const page = await this.#parts.store.listDuties({ kind: "circuit", limit: PAGE, ...from });
      for (const duty of page.duties) this.#adopt(duty);
      for (const { id } of page.duties) stored.add(id);
      ({ cursor } = page);
    } while (cursor !== null);
    // Rows are never taken away, but a backup may be from before one was made.
    for (const [name, kept] of this.#kept) if (!stored.has(name)) kept.revision = null;
  }

  #find(name: string): Kept {
    const found = this.#kept.get(name);
    if (found !== undefined) return found;
    const circuit = closedCircuit(this.#parts.clock.now());
    const kept: Kept = { circuit, revision: null, isUnsaved: false, before: circuit };
    this.#kept.set(name, kept);
    return kept;
  }

  #move({ name, policy }: CircuitUse, call: string, outcome: CircuitOutcome): void {
    const kept = this.#find(name);
    const before = kept.circuit;
    const now = this.#parts.clock.now();
    kept.circuit = settleCircuit(before, policy, { outcome, now, call });
    if (kept.circuit.kind === before.kind) return;
    this.#tell(name, kept.circuit);
    if (!kept.isUnsaved) kept.before = before;
    kept.isUnsaved = true;
    this.#writing = this.#writing.then(() => this.#save(name, kept, before));
  }

  #tell(name: string, circuit: Circuit): void {
    const { logger } = this.#parts;
    if (circuit.kind === "closed")
      logger.info(`${name} works again, and is called as usual.`, { circuit: name });
    // One whose probe found nothing out is tried again at once.
    if (circuit.kind !== "open" || circuit.until <= this.#parts.clock.now()) return;
    const until = new Date(circuit.until).toISOString();
    logger.error(`${name} keeps failing (${circuit.code}); nothing calls it before ${until}.`, {
      circuit: name,
      openings: circuit.openings,
    });
  }

  async #save(name: string, kept: Kept, before: Circuit): Promise<void> {
    const { store, logger, report } = this.#parts;
    const { circuit, revision } = kept;
    try {
      // Before it is stored: who dies in between leaves the next process to find it out anew.
      await report({ name, before, after: circuit, revision: revision ?? 0 });
      if (await this.#put(name, { circuit, revision })) {
        kept.revision = (revision ?? 0) + 1;
      } else {
        // Another process was first: what it found out counts.
        const { duties } = await store.listDuties({ kind: "circuit", id: name, limit: 1 });
        kept.isUnsaved = kept.circuit !== circuit;
        for (const duty of duties) this.#adopt(duty);
        if (duties.length === 0 && (await this.#put(name, { circuit, revision: null }))) kept.revision = 1;
      }
      kept.isUnsaved = kept.circuit !== circuit && kept.isUnsaved;
    } catch (thrown) {
      logger.warn(`What was found out about ${name} could not be stored.`, { failure: toFailure(thrown) });
    }
  }

  /** One that is closed again keeps its row, so that its revisions go on and nobody takes an old one for it. */
  async #put(
    name: string,
    { circuit, revision }: { readonly circuit: Circuit; readonly revision: number | null },
  ): Promise<boolean> {
    const body = JSON.stringify({ version: VERSION, circuit });
    const duty = { ...OWED_BY_NOBODY, kind: "circuit", id: name, body } as const;
    return (await this.#parts.store.changeDuty({ kind: "put", duty, expect: revision })) === "ok";
  }

  #adopt({ id, revision, body }: Duty): void {
    const circuit = readCircuit(body);
    const kept = this.#find(id);
    if (circuit === null || kept.isUnsaved || kept.revision === revision) return;
    kept.revision = revision;
    kept.circuit = circuit;
  }
}

const OWED_BY_NOBODY = { assignee: "circuit", tenant: null, lane: null, place: 0, dueAt: null } as const;

const readCircuit = (body: string): Circuit | null => {
  const { version, circuit } = JSON.parse(body) as { readonly version: number; readonly circuit: Circuit };
  return version === VERSION ? circuit : null;
};
