import {
  admitCall,
  closedCircuit,
  settleCircuit,
  type Circuit,
  type CircuitOutcome,
  type CircuitPolicy,
} from "../core/circuit.ts";
import { failure, toFailure, type Failure } from "../core/failure.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import type { Clock } from "../ports/clock.ts";
import type { Duty } from "../ports/duty.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Logger, Tool } from "../ports/tool.ts";

/** A circuit as an operator sees it. */
export type CircuitStatus = { readonly name: string; readonly circuit: Circuit };

/** Time in which the end of a probe is recorded, after the longest that it may take. */
const PROBE_GRACE_MS = 5_000;
const PAGE = 1_000;
const VERSION = 1;

/** One circuit in this process, and the revision of what the store has of it; null where it has nothing. */
type Kept = { circuit: Circuit; revision: number | null };

type Parts = {
  readonly store: Pick<JournalStore, "changeDuty" | "listDuties">;
  readonly clock: Clock;
  readonly logger: Logger;
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

  /** Why this tool is not called now; null when it is. */
  refuse({ circuit: use, name, policy }: Tool): Failure | null {
    if (use === undefined) return null;
    const kept = this.#find(use.name);
    const now = this.#parts.clock.now();
    const admission = admitCall(kept.circuit, { now, probeMs: policy.timeoutMs + PROBE_GRACE_MS });
    if (!admission.isAdmitted) return unavailable(name, use.name, admission);
    kept.circuit = admission.circuit;
    return null;
  }

  /** A call of this tool has ended. */
  settle({ circuit: use }: Tool, outcome: ToolOutcome): void {
    if (use === undefined) return;
    this.#move(use.name, use.policy, outcomeOf(outcome));
  }

  /** All that are not closed, by name. */
  list(): readonly CircuitStatus[] {
    return [...this.#kept]
      .flatMap(([name, { circuit }]) => (circuit.kind === "closed" ? [] : [{ name, circuit }]))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Takes over what other processes have found out. */
  async refresh(): Promise<void> {
    await this.#writing;
    const stored = new Map<string, Duty>();
    let cursor: string | null = null;
    do {
      const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
      const page = await this.#parts.store.listDuties({ kind: "circuit", limit: PAGE, ...from });
      for (const duty of page.duties) stored.set(duty.id, duty);
      ({ cursor } = page);
    } while (cursor !== null);
    for (const duty of stored.values()) this.#adopt(duty);
    for (const [name, kept] of this.#kept) if (!stored.has(name)) this.#closedElsewhere(name, kept);
  }

  #find(name: string): Kept {
    const found = this.#kept.get(name);
    if (found !== undefined) return found;
    const kept = { circuit: closedCircuit(this.#parts.clock.now()), revision: null };
    this.#kept.set(name, kept);
    return kept;
  }

  #move(name: string, policy: CircuitPolicy, outcome: CircuitOutcome): void {
    const kept = this.#find(name);
    const before = kept.circuit;
    kept.circuit = settleCircuit(before, policy, { outcome, now: this.#parts.clock.now() });
    if (kept.circuit.kind === before.kind) return;
    this.#tell(name, kept.circuit);
    this.#writing = this.#writing.then(() => this.#save(name, kept));
  }

  #tell(name: string, circuit: Circuit): void {
    const { logger } = this.#parts;
    if (circuit.kind === "closed")
      logger.info(`${name} works again, and is called as usual.`, { circuit: name });
    if (circuit.kind !== "open") return;
    const until = new Date(circuit.until).toISOString();
    logger.error(`${name} keeps failing (${circuit.code}); nothing calls it before ${until}.`, {
      circuit: name,
      openings: circuit.openings,
    });
  }

  async #save(name: string, kept: Kept): Promise<void> {
    const { store, logger } = this.#parts;
    try {
      const answer = await this.#change(name, kept);
      if (answer === "ok") kept.revision = kept.circuit.kind === "closed" ? null : (kept.revision ?? 0) + 1;
      // Another process was first: what it found out counts.
      else
        for (const duty of (await store.listDuties({ kind: "circuit", id: name, limit: 1 })).duties)
          this.#adopt(duty);
    } catch (thrown) {
      logger.warn(`What was found out about ${name} could not be stored.`, { failure: toFailure(thrown) });
    }
  }

  async #change(name: string, { circuit, revision }: Kept): Promise<"ok" | "conflict"> {
    const { store } = this.#parts;
    if (circuit.kind === "closed" && revision === null) return "ok";
    if (circuit.kind === "closed" && revision !== null)
      return store.changeDuty({ kind: "remove", duty: { kind: "circuit", id: name }, expect: revision });
    const body = JSON.stringify({ version: VERSION, circuit });
    const duty = { ...OWED_BY_NOBODY, kind: "circuit", id: name, body } as const;
    return store.changeDuty({ kind: "put", duty, expect: revision });
  }

  #adopt({ id, revision, body }: Duty): void {
    const circuit = readCircuit(body);
    const kept = this.#find(id);
    if (circuit === null || kept.revision === revision) return;
    kept.revision = revision;
    kept.circuit = circuit;
  }

  /** It was open by what the store said, and is in the store no more. */
  #closedElsewhere(name: string, kept: Kept): void {
    if (kept.revision === null) return;
    this.#kept.set(name, { circuit: closedCircuit(this.#parts.clock.now()), revision: null });
  }
}

const OWED_BY_NOBODY = { assignee: "circuit", tenant: null, lane: null, place: 0, dueAt: null } as const;

const readCircuit = (body: string): Circuit | null => {
  const { version, circuit } = JSON.parse(body) as { readonly version: number; readonly circuit: Circuit };
  return version === VERSION ? circuit : null;
};

/** Only what may be due to the other side counts against it: an answer, also that something is wrong with the call, speaks for it. */
const outcomeOf = (outcome: ToolOutcome): CircuitOutcome => {
  if (outcome.kind !== "failed") return { kind: "ok" };
  const { code, retryable } = outcome.failure;
  if (NOT_ITS_FAULT.has(code)) return { kind: "neither" };
  return retryable ? { kind: "failed", code } : { kind: "ok" };
};

/** Ends that come from here: a cancel, a limit of the run, arguments that never reached it. */
const NOT_ITS_FAULT: ReadonlySet<string> = new Set([
  "TOOL_CANCELLED",
  "TOOL_CALL_LOST",
  "TOOL_INPUT_INVALID",
  "RUN_TIMEOUT",
  "RUN_CANCELLED",
]);

const unavailable = (
  tool: string,
  circuit: string,
  { retryAt, code }: { readonly retryAt: number; readonly code: string },
): Failure =>
  failure(
    "TOOL_UNAVAILABLE",
    `${tool} was not called: its last calls failed (${code}). It is tried again from ${new Date(retryAt).toISOString()} on. Go on without it, or say that it is not available.`,
    { details: { circuit, retryAt } },
  );
