import type { RunId, SessionId } from "../../core/ids.ts";
import { isEventType, type EventType } from "../../core/event.ts";
import { EMPTY_STATE, STATE_VERSION } from "../../core/session-state.ts";
import type {
  CommitAnswer,
  CommitRequest,
  JournalStore,
  NewSignal,
  Snapshot,
} from "../../ports/journal-store.ts";
import type { Chaos } from "./chaos.ts";
import type { Coverage } from "./coverage.ts";
import type { Acknowledged } from "./checker/history.ts";
import { NOBODY, type Ledger } from "./ledger.ts";

/** Told of a snapshot before it is stored. */
export type Keep = (sessionId: SessionId, snapshot: Snapshot) => void;

/** What is written down beside the store, where no process can change it. */
export type Records = {
  readonly chaos: Chaos;
  readonly coverage: Coverage;
  readonly ledger: Ledger;
  readonly keep: Keep;
  /** Time that never goes back. */
  readonly now: () => number;
  readonly say: (line: string) => void;
  /** Called when a process is about to let a session go, and waited for; and when it has. */
  readonly onLeaving: (sessionId: SessionId, by: string) => Promise<void>;
  readonly onLeft: (sessionId: SessionId) => void;
};

/** A process's way to the store, with somebody who watches it; a commit may arrive twice (the network repeats it). */
export const witnessed = (store: JournalStore, name: string, records: Records): JournalStore =>
  new Proxy(store, {
    get: (target, key): unknown => {
      if (key === "create") return async (request: CreateArgs) => created(store, request, records);
      if (key === "commit")
        return async (request: CommitRequest) => committed({ store, name, records }, request);
      if (key === "post")
        return async (signals: readonly NewSignal[]) => posted({ store, name, records }, signals);
      if (key === "saveSnapshot")
        return async (sessionId: SessionId, snapshot: Snapshot) => {
          records.keep(sessionId, snapshot);
          await store.saveSnapshot(sessionId, snapshot);
        };
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

type CreateArgs = Parameters<JournalStore["create"]>[0];
type Place = { readonly store: JournalStore; readonly name: string; readonly records: Records };

const created = async (
  store: JournalStore,
  request: CreateArgs,
  records: Records,
): ReturnType<JournalStore["create"]> => {
  const { coverage, say } = records;
  const answer = await store.create(request);
  if (answer === "created") {
    records.ledger.written.push({
      sessionId: request.sessionId,
      writer: "creator",
      epoch: 0,
      events: request.events,
      isLet: true,
    });
    coverage.committed(request.sessionId, request.events, []);
    say(`create ${request.sessionId}`);
  }
  return answer;
};

const committed = async (place: Place, request: CommitRequest): ReturnType<JournalStore["commit"]> => {
  const { store, records } = place;
  const { chaos } = records;
  const { sessionId } = request;
  const isTwice = chaos.strikes("delivered-twice", 0.02);
  if (isTwice) chaos.struck("delivered-twice", sessionId);
  if (request.lease.kind === "release") await records.onLeaving(sessionId, place.name);
  const answer = await store.commit(request);
  // Before anything else happens: others may have committed by the time at which the repetition is answered.
  note(place, request, answer);
  if (!isTwice) return answer;
  const again = await store.commit(request).catch(() => answer);
  if (answer.status !== "ok" && again.status === "ok") noteUnheard(place);
  return answer;
};

/** What was refused was stored when it came again, and whoever sent it has not heard. */
const noteUnheard = ({ name, records: { ledger, now } }: Place): void =>
  void ledger.troubles.push({ by: name, kind: "store", fromMs: now(), untilMs: now() + UNHEARD_MS });

/** By then a lease that nobody knows of has run out. */
const UNHEARD_MS = 40_000;

const note = ({ store, name, records }: Place, request: CommitRequest, answer: CommitAnswer): void => {
  const { chaos, ledger, coverage, say } = records;
  const { sessionId, events } = request;
  const why = answer.status === "conflict" ? ` ${answer.reason}` : "";
  const types = events.map((event) => typeOf(event.header)).join(" ");
  say(`${name} commit ${sessionId} after ${request.expect.position} ${answer.status}${why}: ${types}`);
  if (answer.status !== "ok") {
    const refused = { sessionId, by: name, written: ledger.written.length };
    ledger.vain.push(answer.status === "conflict" ? { ...refused, why: answer.reason } : refused);
    return;
  }
  const { lease } = request;
  ledger.summaries.set(sessionId, request.summary);
  const isLet = lease.kind === "release";
  const atMs = records.now();
  ledger.written.push({ sessionId, writer: name, epoch: answer.epoch, events, atMs, isLet });
  if (lease.kind !== "keep") ledger.holders.set(sessionId, lease.kind === "claim" ? name : NOBODY);
  coverage.committed(sessionId, events, chaos.takeRecent(sessionId));
  if (isLet) {
    lookAtRelease(store, sessionId, records).catch(() => undefined);
    records.onLeft(sessionId);
  }
  if (chaos.random.chance(SNAPSHOT_CHANCE)) keepSnapshot(store, records, request);
};

/** Who has let a session go does not have it any more (C5). */
const lookAtRelease = async (
  store: JournalStore,
  sessionId: SessionId,
  { ledger }: Records,
): Promise<void> => {
  const loaded = await store.load(sessionId);
  const answered = loaded?.lease?.holder === store.holderId ? "yes" : "no";
  ledger.probes.push({
    contract: "C5",
    sessionId,
    asked: "is what was let go held",
    expected: "no",
    answered,
  });
};

/** Snapshots may be there or not: in a simulated world they are made far more often than the engine does. */
const SNAPSHOT_CHANCE = 0.15;

/** Of these, so many are of another version, to which the state is something else (S6). */
const FOREIGN_CHANCE = 0.2;

const keepSnapshot = (
  store: JournalStore,
  { chaos, coverage }: Records,
  { sessionId, events }: CommitRequest,
): void => {
  const state = coverage.stateOf(sessionId);
  const last = events.at(-1);
  if (last === undefined || state?.position !== last.position) return;
  const isForeign = chaos.random.chance(FOREIGN_CHANCE);
  const snapshot = {
    position: last.position,
    headHash: last.hash,
    stateVersion: isForeign ? STATE_VERSION + 1 : STATE_VERSION,
    state: isForeign ? JSON.stringify({ ...EMPTY_STATE, position: last.position }) : JSON.stringify(state),
  };
  store.saveSnapshot(sessionId, snapshot).catch(() => undefined);
};

const TYPE = /"type":"([a-z.-]+)"/;

const typeOf = (header: string): EventType | "?" => {
  const type = TYPE.exec(header)?.[1];
  return isEventType(type) ? type : "?";
};

const posted = async (
  { store, name, records }: Place,
  signals: readonly NewSignal[],
): ReturnType<JournalStore["post"]> => {
  const answers = await store.post(signals);
  signals.forEach(({ sessionId, kind, runId, dedupeKey, fences, body }, index) => {
    const status = answers[index]?.status;
    const taken = { sessionId, by: name, at: records.now(), runId, key: dedupeKey };
    if (status === "posted") records.ledger.posted.push({ ...taken, kind });
    if (status === "duplicate") records.ledger.posted.push({ ...taken, kind: status });
    records.say(`${name} post ${sessionId} ${kind} ${status}`);
    if (kind === "cancel" && status === "posted" && runId !== null)
      records.ledger.acknowledged.push(cancelled(records, sessionId, runId));
    const durable = records.ledger.durableOf(sessionId);
    const callId = kind === "cancel-call" ? callIn(body) : null;
    if (callId !== null && status === "posted")
      records.ledger.acknowledged.push({ kind: "cancel-call", sessionId, callId, durable });
    if (kind === "pause" && status === "posted")
      records.ledger.acknowledged.push({ kind, sessionId, durable });
    if (kind === "input" && fences === true && status === "posted" && runId !== null)
      records.ledger.acknowledged.push({ ...cancelled(records, sessionId, runId), kind: "interrupt" });
  });
  return answers;
};

const callIn = (body: string): string | null => {
  const { callId }: { readonly callId?: unknown } = JSON.parse(body);
  return typeof callId === "string" ? callId : null;
};

const cancelled = (
  { ledger }: Records,
  sessionId: SessionId,
  runId: RunId,
): Acknowledged & { readonly kind: "cancel" } => ({
  kind: "cancel",
  sessionId,
  runId,
  durable: ledger.durableOf(sessionId),
});
