import { checkHistory, type EffectEntry, type History } from "holdfast/testing";
import type { JournalEvent } from "../../packages/holdfast/src/core/event.ts";
import { openEvent } from "../../packages/holdfast/src/core/journal-codec.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import { fingerprintOf, type Acknowledgement } from "./acknowledgement.ts";
import type { EffectRecord } from "./effect-record.ts";
import type { Evidence } from "./evidence.ts";

/** One thing that must not be. */
export type Finding = { readonly rule: string; readonly what: string };

type Told<Kind extends Acknowledgement["kind"]> = Extract<Acknowledgement, { kind: Kind }>;
type Journals = ReadonlyMap<string, readonly JournalEvent[]>;

/** A request that was on its way when its caller died has arrived by then, or no verification could wait for it. */
const ON_ITS_WAY_MS = 1_000;

/**
 * Says what is wrong with what is left. It reads stored bytes, the books of the service and what was
 * acknowledged, and asks the engine nothing.
 */
export const judge = (evidence: Evidence): readonly Finding[] => {
  const journals: Journals = new Map(
    [...evidence.journals].map(([sessionId, stored]) => [sessionId, stored.map(openEvent)]),
  );
  return [
    ...evidence.damage.map((one) => ({
      rule: "damaged",
      what: `${one.sessionId}@${one.position}: ${one.what}`,
    })),
    ...checkHistory(historyOf(evidence, journals)).map(({ rule, promise, sessionId, position, what }) => ({
      rule: `${promise} ${rule}`,
      what: `${sessionId}@${position ?? "-"}: ${what}`,
    })),
    ...lostSessions(evidence, journals),
    ...lostEvents(evidence, journals),
    ...unfinishedRuns(evidence, journals),
    ...lostResolutions(evidence, journals),
    ...untrueResults(evidence, journals),
    ...repeatedWrites(evidence, journals),
  ];
};

/** The same evidence in the words of the checker of histories. */
const historyOf = ({ journals, effects, acknowledgements, at }: Evidence, opened: Journals): History => ({
  sha256,
  journals,
  effects: effects.flatMap((record) => entryOf(record, opened.get(record.sessionId) ?? [])),
  acknowledged: acknowledgements.filter((told): told is Told<"input"> => told.kind === "input"),
  quietAt: at,
});

const KINDS: Partial<Record<EffectRecord["what"], EffectEntry["kind"]>> = {
  arrived: "entered",
  executed: "executed",
};

const entryOf = (record: EffectRecord, events: readonly JournalEvent[]): readonly EffectEntry[] => {
  const kind = KINDS[record.what];
  if (kind === undefined) return [];
  const { sessionId, callId, attempt, effect, idempotencyKey } = record;
  // The tool was entered when its process says so: what it sent may arrive after its death.
  const at = kind === "entered" ? record.enteredAt : record.at;
  const durable = durableAt(events, { ...record, at });
  return [{ kind, sessionId, callId, attempt, effect, idempotencyKey, at, durable }];
};

/** The last event that was surely there at a time: events of the same millisecond are not, but for its own start. */
const durableAt = (
  events: readonly JournalEvent[],
  { at, callId, attempt }: { readonly at: number; readonly callId: string; readonly attempt: number },
): number => {
  const before = events.findLast((event) => event.at < at)?.position ?? 0;
  const start = events.find(
    ({ header }) =>
      header.type === "tool-call.started" && header.callId === callId && header.attempt === attempt,
  );
  return start !== undefined && start.at === at ? Math.max(before, start.position) : before;
};

const told = <Kind extends Acknowledgement["kind"]>(
  { acknowledgements }: Evidence,
  kind: Kind,
): readonly Told<Kind>[] => acknowledgements.filter((one): one is Told<Kind> => one.kind === kind);

const lostSessions = (evidence: Evidence, journals: Journals): readonly Finding[] =>
  told(evidence, "session")
    .filter(({ sessionId }) => !journals.has(sessionId))
    .map(({ sessionId }) => ({ rule: "session lost", what: sessionId }));

/** An event that somebody saw is where it was, and as it was. */
const lostEvents = (evidence: Evidence, journals: Journals): readonly Finding[] => {
  const known = new Map(
    [...journals].map(([sessionId, events]) => [sessionId, events.map((event) => fingerprintOf(event))]),
  );
  return told(evidence, "event").flatMap(({ sessionId, position, fingerprint }) => {
    const found = known.get(sessionId)?.[position - 1];
    if (found === fingerprint) return [];
    const rule = found === undefined ? "event lost" : "event changed";
    return [{ rule, what: `${sessionId}@${position} was seen` }];
  });
};

/** Every run that was accepted is completed, once, and whoever was told of its end was told the truth. */
const unfinishedRuns = (evidence: Evidence, journals: Journals): readonly Finding[] => {
  const found: Finding[] = [];
  const ends = new Map<string, string>();
  for (const [sessionId, events] of journals) {
    const accepted = new Set<string>();
    for (const { header, position } of events) {
      if (header.type === "run.accepted") accepted.add(header.runId);
      const end = END.exec(header.type)?.[1];
      if (end === undefined || !("runId" in header)) continue;
      if (ends.has(header.runId)) found.push({ rule: "run ended twice", what: `${sessionId}@${position}` });
      ends.set(header.runId, end);
      accepted.delete(header.runId);
      if (end !== "completed")
        found.push({ rule: "run not completed", what: `${sessionId}@${position}: ${end}` });
    }
    for (const runId of accepted) found.push({ rule: "run not settled", what: `${sessionId} ${runId}` });
  }
  for (const { runId, sessionId, status } of told(evidence, "outcome"))
    if (ends.get(runId) !== status)
      found.push({
        rule: "outcome changed",
        what: `${sessionId} ${runId}: told ${status}, is ${ends.get(runId)}`,
      });
  return found;
};

const END = /^run\.(completed|failed|cancelled)$/;

/** What an operator answered, and was told is accepted, was recorded once for the attempt it was about. */
const lostResolutions = (evidence: Evidence, journals: Journals): readonly Finding[] =>
  told(evidence, "resolution").flatMap(({ sessionId, callId, as }) => {
    const recorded = (journals.get(sessionId) ?? []).some(
      ({ header }) => header.type === "tool-call.resolved" && header.callId === callId && header.as === as,
    );
    return recorded ? [] : [{ rule: "resolution lost", what: `${sessionId} ${callId} as ${as}` }];
  });

const RECEIPT = /\br\d+\./;

/** What the journal says a call came to is what the service's books say. */
const untrueResults = ({ effects }: Evidence, journals: Journals): readonly Finding[] => {
  const given = Map.groupBy(
    effects.filter(({ what }) => what === "executed"),
    ({ sessionId, callId }) => `${sessionId} ${callId}`,
  );
  return [...journals].flatMap(([sessionId, events]) =>
    events.flatMap(({ header, payload, position }): readonly Finding[] => {
      if (!("callId" in header)) return [];
      const executed = given.get(`${sessionId} ${header.callId}`) ?? [];
      const where = `${sessionId}@${position} ${header.callId}`;
      const isWrite = executed.some(({ effect }) => effect === "write");
      const isDenied = header.type === "tool-call.failed" && header.next.kind === "give-up" && isWrite;
      if (isDenied) return [{ rule: "write denied", what: `${where} failed, and took place` }];
      const isDone =
        header.type === "tool-call.completed" ||
        (header.type === "tool-call.resolved" && header.as === "completed");
      if (!isDone) return [];
      const receipt = RECEIPT.exec(JSON.stringify(payload))?.[0];
      const isGiven = executed.some((record) => record.receipt === receipt);
      return isGiven ? [] : [{ rule: "result invented", what: `${where} says ${receipt ?? "nothing"}` }];
    }),
  );
};

/** From the service's own books: no write under one key twice, whatever the journal makes of it. */
const repeatedWrites = ({ effects }: Evidence, journals: Journals): readonly Finding[] => {
  const writes = effects.filter(({ what, effect }) => what === "executed" && effect === "write");
  return [...Map.groupBy(writes, ({ idempotencyKey }) => idempotencyKey)].flatMap(([key, all]) => {
    const early = all.slice(0, -1).filter((record) => !wasTooLate(record, journals));
    const [first] = early;
    if (first === undefined) return [];
    return [
      {
        rule: "write repeated",
        what: `${first.sessionId} ${first.callId} (${key}) took place ${all.length} times`,
      },
    ];
  });
};

/** It was done so long after its attempt had to be over that whoever verified it could not have waited. */
const wasTooLate = ({ sessionId, callId, attempt, at }: EffectRecord, journals: Journals): boolean =>
  (journals.get(sessionId) ?? []).some(
    ({ header }) =>
      header.type === "tool-call.started" &&
      header.callId === callId &&
      header.attempt === attempt &&
      at > header.notAfter + ON_ITS_WAY_MS,
  );
