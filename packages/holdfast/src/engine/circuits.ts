import {
  admitCall,
  closedCircuit,
  settleCircuit,
  type Circuit,
  type CircuitOutcome,
} from "../core/circuit.ts";
import { failure, toFailure, type Failure } from "../core/failure.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import type { Agent } from "../ports/agent.ts";
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

/**
 * One circuit in this process. `revision` is that of what the store has of it, null where it has nothing; what is
 * `isUnsaved` is newer than that, and nothing older is taken over in its place.
 */
type Kept = { circuit: Circuit; revision: number | null; isUnsaved: boolean };

type Attempt = { readonly sessionId: string; readonly callId: string; readonly attempt: number };

/** Ids of calls are those of models, and the same in many sessions. */
const nameOf = ({ sessionId, callId, attempt }: Attempt): string => `${sessionId}:${callId}:${attempt}`;

type Parts = {
  readonly agents: ReadonlyMap<string, Agent>;
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

  /** Why this tool is not called now, for the next attempt at a call; null when it is. */
  refuse({ circuit: use, name, policy }: Tool, before: Attempt): Failure | null {
    if (use === undefined) return null;
    const kept = this.#find(use.name);
    const admission = admitCall(kept.circuit, use.policy, {
      now: this.#parts.clock.now(),
      call: nameOf({ ...before, attempt: before.attempt + 1 }),
      probeMs: policy.timeoutMs + PROBE_GRACE_MS,
    });
    if (!admission.isAdmitted)
      return unavailable({ tool: name, circuit: use.name, isBegun: before.attempt > 0 }, admission);
    kept.circuit = admission.circuit;
    return null;
  }

  /** An attempt has ended. */
  settle({ tool, ...attempt }: Attempt & { readonly tool: Tool }, outcome: ToolOutcome): void {
    const { circuit: use } = tool;
    if (use !== undefined) this.#move(use, nameOf(attempt), outcomeOf(outcome));
  }

  /** All that are not closed, by name. */
  list(): readonly CircuitStatus[] {
    return [...this.#kept]
      .flatMap(([name, { circuit }]) => (circuit.kind === "closed" ? [] : [{ name, circuit }]))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Takes over what other processes have found out, where any tool here has a circuit. */
  async refreshUsed(): Promise<void> {
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
    const kept = { circuit: closedCircuit(this.#parts.clock.now()), revision: null, isUnsaved: false };
    this.#kept.set(name, kept);
    return kept;
  }

  #move({ name, policy }: NonNullable<Tool["circuit"]>, call: string, outcome: CircuitOutcome): void {
    const kept = this.#find(name);
    const before = kept.circuit;
    const now = this.#parts.clock.now();
    kept.circuit = settleCircuit(before, policy, { outcome, now, call });
    if (kept.circuit.kind === before.kind) return;
    this.#tell(name, kept.circuit);
    kept.isUnsaved = true;
    this.#writing = this.#writing.then(() => this.#save(name, kept));
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

  async #save(name: string, kept: Kept): Promise<void> {
    const { store, logger } = this.#parts;
    const { circuit, revision } = kept;
    try {
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

/** Only what may be due to the other side counts against it: an answer, also that something is wrong with the call, speaks for it. */
const outcomeOf = (outcome: ToolOutcome): CircuitOutcome => {
  if (outcome.kind !== "failed") return { kind: "ok" };
  const { code, retryable } = outcome.failure;
  // guard E7: what did not come to a tool says nothing of it
  if (outcome.isEntered === false || STOPPED.has(code)) return { kind: "neither" };
  return retryable ? { kind: "failed", code } : { kind: "ok" };
};

/** Ends that come from here: a cancel, a limit of the run. */
const STOPPED: ReadonlySet<string> = new Set(["TOOL_CANCELLED", "RUN_TIMEOUT", "RUN_CANCELLED"]);

const unavailable = (
  { tool, circuit, isBegun }: { readonly tool: string; readonly circuit: string; readonly isBegun: boolean },
  { retryAt, code }: { readonly retryAt: number; readonly code: string },
): Failure =>
  failure(
    "TOOL_UNAVAILABLE",
    `${tool} was not called${isBegun ? " again" : ""}: its last calls failed (${code}). It is tried again from ${new Date(retryAt).toISOString()} on. Go on without it, or say that it is not available.`,
    { details: { circuit, retryAt } },
  );
