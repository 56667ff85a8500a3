import { settlementsOf } from "../core/accounts.ts";
import { sameBytes } from "../core/hash-chain.ts";
import { sessionStatus, type OpenRun, type SessionState } from "../core/session-state.ts";
import type { CommitAnswer, CommitRequest, ConflictReason, LeaseChange } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import { noteRefusal } from "./call-budgets.ts";
import type { NewDuty } from "../ports/duty.ts";
import type { Batch } from "./batch.ts";
import { errandsOf } from "./child-errands.ts";
import { deliveriesOf } from "./deliveries-of.ts";
import { blobsOf } from "./outcome.ts";
import type { Prepared } from "./prepare-batch.ts";

/** `stored`: act on it. `again`: prepare anew, something changed. `lost`: the session is somebody else's. */
export type CommitResult = "stored" | "released" | "again" | "lost";

/** Somebody else has the session, or nobody of this version may have it (C16). */
const ENDS_OUR_TURN: ReadonlySet<ConflictReason> = new Set<ConflictReason>(["held", "missing", "reader"]);

const RECOVER_EVERY_MS = 250;

/** Makes a batch durable (J1), and finds out what is true when the store cannot say. */
export const commitBatch = async (session: ActiveSession, prepared: Prepared): Promise<CommitResult> => {
  const request = requestOf(session, prepared);
  const askedAt = session.services.clock.monotonicMs();
  const answer = await session.services.store.commit(request);
  switch (answer.status) {
    case "ok":
      return stored(session, prepared, { answer, lease: request.lease, askedAt, owesDuties: owes(request) });
    case "conflict":
      // guard E8: a call that an account has no room for is not asked for again and again
      if (answer.reason === "budget") await noteRefusal(session, prepared.batch);
      return ENDS_OUR_TURN.has(answer.reason) ? lost(session) : lookAgain(session);
    case "indeterminate":
      return findOut(session, prepared, { request, askedAt });
  }
};

const requestOf = (
  session: ActiveSession,
  { batch, recorded, starts, waitUntil, mayRelease }: Prepared,
): CommitRequest => {
  return {
    sessionId: session.id,
    expect: {
      position: batch.base.state.position,
      headHash: batch.base.hash,
      epoch: session.epoch,
      gate: session.gate,
    },
    lease: leaseChange(session, mayRelease),
    wakeAt: mayRelease ? /* guard S3: a session that is let go knows when to wake */ waitUntil : null,
    events: batch.stored,
    // guard E5: a start is said to be one
    isFenced: batch.isFenced,
    blobs: [...blobsOf(recorded, batch.stored), ...batch.blobs],
    consume: batch.consume,
    post: [],
    duties: dutiesOf(session, batch),
    reserve: batch.reserve,
    // guard E8: what is over gives back what it did not spend
    settle: settlementsOf(session.id, batch.base.state, batch.events),
    summary: { status: sessionStatus(batch.state), waiting: waitingOf(batch.state) },
    mustSync: starts.some((start) => start.kind === "tool"),
  };
};

/** What is owed because of this commit: to whoever wants to know, and between this session and its children. */
const dutiesOf = ({ id, agent, tenant, services }: ActiveSession, batch: Batch): readonly NewDuty[] => {
  const place = { sessionId: id, agent: agent.name, tenant };
  const committed = { before: batch.base.state, events: batch.events };
  return [
    ...deliveriesOf(batch.events, { ...place, before: committed.before, services }),
    ...errandsOf(committed, { ...place, now: services.clock.now() }),
  ];
};

const waitingOf = ({ run, queue }: SessionState): string | null => {
  if (run !== null) return askedIn(run) ?? run.suspended?.waitingFor[0]?.kind ?? null;
  return queue.length > 0 ? /* guard S4: a run that waits its turn is known to the store */ "turn" : null;
};

/** Whoever is asked need not wait until everything else of the turn is done. */
const askedIn = ({ phase }: OpenRun): "approval" | "result" | null => {
  const calls = phase.kind === "calling-tools" ? phase.calls : [];
  // guard E4: who is asked finds the question
  if (calls.some(({ status }) => status.kind === "held")) return "approval";
  return calls.some(({ status }) => status.kind === "handed-over" && status.child === null) ? "result" : null;
};

/** Claim and release ride in the first and the last commit of our time with the session. */
const leaseChange = (session: ActiveSession, mayRelease: boolean): LeaseChange => {
  const { holder, leaseMs } = session.services;
  if (session.lease.epoch === null) return { kind: "claim", holder, ttlMs: leaseMs };
  return mayRelease ? { kind: "release" } : { kind: "keep" };
};

type Done = {
  readonly owesDuties: boolean;
  readonly answer: CommitAnswer & { status: "ok" };
  readonly lease: LeaseChange;
  readonly askedAt: number;
};

const stored = (
  session: ActiveSession,
  prepared: Prepared,
  { answer, lease, askedAt, owesDuties }: Done,
): CommitResult => {
  session.epoch = answer.epoch;
  session.owesDuties ||= owesDuties;
  if (lease.kind === "claim") session.lease.held(answer.epoch, askedAt);
  // guard J2: who has released has no lease
  if (lease.kind === "release") session.lease.lost();
  session.advance(prepared.batch, prepared.recorded);
  const { events } = prepared.batch;
  const { feed } = session.services;
  const run = session.state.run;
  session.spans.committed(events, (runId) => (run?.runId === runId ? run.trace : null));
  if (lease.kind === "release") session.spans.leave(session.services.clock.now(), "released");
  // guard S5: what is stored is published
  if (events.length > 0) feed.publish(session.id, { kind: "events", events });
  return lease.kind === "release" ? "released" : "stored";
};

const owes = ({ duties }: CommitRequest): boolean => duties.length > 0;

const lost = (session: ActiveSession): CommitResult => {
  session.abandon();
  return "lost";
};

/** A cancel came in between, signals were read elsewhere, or somebody else moved the journal. */
const lookAgain = async (session: ActiveSession): Promise<CommitResult> =>
  (await session.reload()) ? "again" : lost(session);

/**
 * Two who claim in the same millisecond may write the very same bytes: no content, no salt, the same next epoch.
 * Then the head says that a commit like ours is stored, and only the lease says whose it was (J2).
 */
const isClaimOurs = async ({ id, services }: ActiveSession, { lease }: CommitRequest): Promise<boolean> => {
  if (lease.kind !== "claim") return true;
  const loaded = await services.store.load(id);
  return loaded?.lease?.holder === lease.holder;
};

/** The store cannot say whether the batch is there. Nobody acts until it can (semantics, Commit). */
const findOut = async (
  session: ActiveSession,
  prepared: Prepared,
  { request, askedAt }: { readonly request: CommitRequest; readonly askedAt: number },
): Promise<CommitResult> => {
  const { store, clock } = session.services;
  while (!session.isLost) {
    const isWorking = await store.recover().catch(() => false);
    const head = isWorking ? await store.head(session.id).catch(() => undefined) : undefined;
    if (head !== undefined) {
      const isOurs =
        /* guard J1: a commit without events is never taken for stored */ prepared.batch.events.length > 0 &&
        sameBytes(head.hash, prepared.batch.hash);
      // guard J1: a commit that is not there is not acted on
      if (!isOurs) return lookAgain(session);
      const epoch = request.expect.epoch + (request.lease.kind === "claim" ? 1 : 0);
      // guard J2: the claim of another is not ours
      if (!(await isClaimOurs(session, request))) return lost(session);
      // Stored, but another holder has claimed the session since, without a word in its journal (C4).
      // guard J2: another holder has claimed since
      if (head.epoch !== epoch) return lost(session);
      return stored(session, prepared, {
        answer: { status: "ok", epoch },
        lease: request.lease,
        askedAt,
        owesDuties: owes(request),
      });
    }
    await new Promise<void>((resolve) => clock.startTimer(RECOVER_EVERY_MS, resolve));
  }
  return "lost";
};
