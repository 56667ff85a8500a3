import {
  DELIVERY_VERSION,
  type CircuitDelivery,
  type Delivery,
  type RunDelivery,
  type StoredCircuitDelivery,
  type StoredDelivery,
  type StoredRunDelivery,
} from "../core/delivery.ts";
import { failure, toFailure, type Failure } from "../core/failure.ts";
import type { EventHeader, JournalEvent } from "../core/event.ts";
import { openEvent } from "../core/journal-codec.ts";
import { nextAttemptAt } from "../core/retry-policy.ts";
import { failureOfRun } from "../core/run-failure.ts";
import type { UndoReport } from "../core/undo-terms.ts";
import type { Duty } from "../ports/duty.ts";
import { deliveryAssignee, toDuty } from "./deliveries-of.ts";
import { limited } from "./limited.ts";
import { foldLoaded, loadSession } from "./open-session.ts";
import type { Delivered, Recipient } from "./recipient.ts";
import type { EngineServices } from "./services.ts";

/** An attempt whose process has died is taken for failed so long after its limit. */
const GRACE_MS = 5_000;

/**
 * Tells recipients what they are owed, at least once. An attempt is noted before it is made: who dies in it has used
 * it up, and while it is under way nobody else makes it, nor the one behind it in its lane.
 */
export class DeliveryRound {
  readonly #services: EngineServices;
  /** Recipients that want nothing any more, for as long as this process lives. */
  readonly #gone = new Set<string>();
  /** Attempts, and whether they are given up at once when the process is about to close. */
  readonly #underWay = new Map<AbortController, boolean>();
  #isClosing = false;

  constructor(services: EngineServices) {
    this.#services = services;
  }

  get assignees(): readonly string[] {
    return [...this.#services.recipients.keys()].map(deliveryAssignee);
  }

  /** Gives up what waits for work that this process does not do any more. */
  close(): void {
    this.#isClosing = true;
    for (const [controller, isPatient] of this.#underWay) if (isPatient) controller.abort();
  }

  /** Gives up what is under way; it is made again by whoever comes next. */
  stop(): void {
    for (const controller of this.#underWay.keys()) controller.abort();
  }

  /** Makes one attempt, and notes what came of it. False when it is not known here. */
  async perform(duty: Duty): Promise<boolean> {
    const stored = readDelivery(duty.body);
    const recipient = stored === null ? undefined : this.#services.recipients.get(stored.recipient);
    if (stored === null || recipient === undefined) return false;
    // O3: what has been answered is not escalated
    if ("runId" in stored && stored.ifUnanswered && !(await this.#isUnanswered(stored)))
      return this.#remove(duty);
    const begun = { ...stored, attempts: stored.attempts + 1 };
    const { store, clock } = this.#services;
    const { revision, ...rest } = duty;
    const dueAt = clock.now() + recipient.timeoutMs + GRACE_MS;
    const claimed = { ...rest, dueAt, body: JSON.stringify(begun) };
    const answer = await store.changeDuty({ kind: "put", duty: claimed, expect: revision });
    // guard J2: an attempt is made by who has noted it
    if (answer !== "ok") return true;
    const ours = { ...claimed, revision: revision + 1 };
    const delivered = await this.#attempt(recipient, begun, ours);
    // guard O3: what was taken is not owed any more
    if (delivered.kind === "done") return this.#remove(ours);
    if (delivered.kind === "later") return this.#putBack(ours, { body: duty.body, delivered });
    await this.#failed(ours, { stored: begun, recipient, delivered });
    return true;
  }

  async #remove({ kind, id, revision }: Duty): Promise<boolean> {
    await this.#services.store.changeDuty({ kind: "remove", duty: { kind, id }, expect: revision });
    return true;
  }

  /** As it was before the attempt. */
  async #putBack(
    { revision, ...duty }: Duty,
    { body, delivered }: { readonly body: string; readonly delivered: Extract<Delivered, { kind: "later" }> },
  ): Promise<boolean> {
    const { store, clock } = this.#services;
    const again = { ...duty, dueAt: clock.now() + delivered.afterMs, body };
    await store.changeDuty({ kind: "put", duty: again, expect: revision });
    return true;
  }

  async #attempt(recipient: Recipient, stored: StoredDelivery, duty: Duty): Promise<Delivered> {
    if (this.#gone.has(recipient.name)) return goneBefore(recipient.name);
    const delivery: Delivery =
      "circuit" in stored ? circuitDelivery(stored, duty.id) : await this.#read(stored, duty);
    const { clock } = this.#services;
    const controller = new AbortController();
    const isPatient = recipient.isPatient === true;
    this.#underWay.set(controller, isPatient);
    if (isPatient && this.#isClosing) controller.abort();
    try {
      return await limited(clock, {
        work: recipient.deliver(delivery, controller.signal),
        limitMs: recipient.timeoutMs,
        otherwise: () => failedWith(`"${recipient.name}" did not take it within ${recipient.timeoutMs} ms.`),
      });
    } catch (thrown) {
      return { kind: "failed", failure: toFailure(thrown, "DELIVERY_FAILED"), ends: "attempt" };
    } finally {
      controller.abort();
      this.#underWay.delete(controller);
    }
  }

  async #failed(
    { revision, ...duty }: Duty,
    {
      stored,
      recipient,
      delivered,
    }: {
      readonly stored: StoredDelivery;
      readonly recipient: Recipient;
      readonly delivered: Extract<Delivered, { kind: "failed" }>;
    },
  ): Promise<void> {
    const { store, clock, logger, redactor } = this.#services;
    const told = redactor.failure(delivered.failure);
    if (delivered.ends === "recipient") this.#gone.add(recipient.name);
    const { retryAfterMs } = delivered;
    const next = { now: clock.now(), seed: duty.id, retryAfterMs };
    const dueAt =
      delivered.ends === "recipient" ? null : nextAttemptAt(recipient.retry, stored.attempts, next);
    const isEnough = recipient.escalation?.afterAttempts === stored.attempts;
    // O3: what somebody does not take is told to somebody else
    if (recipient.escalation !== null && (isEnough || dueAt === null))
      await this.#escalate(duty, stored, recipient.escalation.to);
    const failed = { ...duty, dueAt, body: JSON.stringify({ ...stored, failure: told }) };
    await store.changeDuty({ kind: "put", duty: failed, expect: revision });
    if (dueAt !== null) return;
    const place = "circuit" in stored ? { circuit: stored.circuit.name } : { sessionId: stored.sessionId };
    logger.error(
      `"${recipient.name}" was not told of ${stored.type} in ${Object.values(place).join("")}: ${told.message}`,
      { delivery: duty.id, ...place, failure: told },
    );
  }

  /** Made once: another attempt that fails finds it there. */
  async #escalate({ tenant }: Omit<Duty, "revision">, stored: StoredDelivery, to: string): Promise<void> {
    const { store, clock, sha256 } = this.#services;
    const escalated = {
      ...stored,
      ...("runId" in stored ? { ifUnanswered: false } : {}),
      recipient: to,
      isEscalation: true,
      attempts: 0,
      failure: null,
    };
    const duty = toDuty(escalated, { tenant, dueAt: clock.now(), sha256 });
    await store.changeDuty({ kind: "put", duty, expect: null });
  }

  /** What happened, from the journal: the truth about it, also when it was written by a process that is gone. */
  async #read(stored: StoredRunDelivery, { id, tenant }: Duty): Promise<RunDelivery> {
    const { store, redactor } = this.#services;
    const { sessionId, runId, agent, type, position, isEscalation } = stored;
    const [found] = await store.readAt(sessionId, [position]);
    const event = found === undefined ? undefined : openEvent(found);
    const header = event?.header;
    const causeAt = header?.type === "run.failed" ? (header.causeAt ?? position) : null;
    const [cause] = causeAt === null ? [] : await store.readAt(sessionId, [causeAt]);
    const failed = failureTold(event, cause && openEvent(cause));
    return {
      id,
      type,
      at: event?.at ?? 0,
      sessionId,
      runId,
      agent,
      tenant,
      position,
      isEscalation,
      // O2: a failure is told without secrets
      failure: failed === null ? null : redactor.failure(failed),
      waitingFor: header?.type === "run.suspended" ? header.waitingFor : [],
      unknownCalls: header?.type === "run.cancelled" ? header.unknown : [],
      call: callTold(header, stored.tool),
      ...reportOf(header),
    };
  }

  /** Whether the run is still in the suspension that this tells of. */
  async #isUnanswered({ sessionId, runId, position }: StoredRunDelivery): Promise<boolean> {
    const loaded = await loadSession(this.#services, sessionId);
    if (loaded === undefined) return false;
    const { run } = foldLoaded(this.#services, sessionId, loaded).state;
    if (run?.runId !== runId || run.suspended === null) return false;
    const [found] = await this.#services.store.readAt(sessionId, [position]);
    return found !== undefined && openEvent(found).at === run.suspended.since;
  }
}

/** Why a run failed, or a call in it. */
const failureTold = (event: JournalEvent | undefined, cause: JournalEvent | undefined): Failure | null => {
  if (event?.header.type === "run.failed") return failureOfRun(event.header.code, cause);
  return event?.header.type === "tool-call.failed" ? failureOfRun(event.header.code, event) : null;
};

const callTold = (header: EventHeader | undefined, tool: string | null): RunDelivery["call"] =>
  header?.type === "tool-call.failed"
    ? { callId: header.callId, tool: tool ?? "", attempts: header.attempt }
    : null;

const circuitDelivery = (
  { type, at, isEscalation, circuit }: StoredCircuitDelivery,
  id: string,
): CircuitDelivery => ({ id, type, at, isEscalation, circuit });

const reportOf = (header: EventHeader | undefined): UndoReport => {
  const isEnd = header?.type === "run.failed" || header?.type === "run.cancelled";
  return (isEnd ? header.undo : null) ?? { undone: [], notUndone: [] };
};

/** A stored delivery; null where it was written by a version that knows more (S6). */
export const readDelivery = (body: string): StoredDelivery | null => {
  const parsed = JSON.parse(body) as StoredDelivery;
  return parsed.v === DELIVERY_VERSION ? parsed : null;
};

const failedWith = (
  message: string,
  ends: "attempt" | "recipient" = "attempt",
): Delivered & { kind: "failed" } => ({
  kind: "failed",
  failure: deliveryFailure(message),
  ends,
});

const goneBefore = (name: string): Delivered & { kind: "failed" } =>
  failedWith(`"${name}" said before that it wants nothing any more (410).`, "recipient");

export const deliveryFailure = (message: string, details: { readonly status?: number } = {}): Failure =>
  failure("DELIVERY_FAILED", message, { retryable: true, details });
