import type { EventHeader, JournalEvent } from "../../packages/holdfast/src/core/event.ts";
import type { EffectRecord } from "./effect-record.ts";
import type { Evidence } from "./evidence.ts";
import { eventsOf, type Finding, type Journals } from "./finding.ts";

/** A request that was on its way when its caller died has arrived by then, or no verification could wait for it. */
const ON_ITS_WAY_MS = 1_000;

/** One tool call: what its journal tells of it, and what the service's books do. */
type Call = {
  readonly name: string;
  readonly askedAt: number;
  readonly runId: string;
  readonly events: readonly JournalEvent[];
  readonly session: readonly JournalEvent[];
  readonly effects: readonly EffectRecord[];
};

/** Held against every tool call there was, in a journal or in the books (E1, E2, E3). */
export const judgeCalls = ({ effects }: Evidence, journals: Journals): readonly Finding[] => {
  const byCall = Map.groupBy(effects, ({ sessionId, callId }) => `${sessionId} ${callId}`);
  const calls = [...journals].flatMap(([sessionId, events]) => callsOf(sessionId, events, byCall));
  const known = new Set(calls.map(({ name }) => name));
  const strangers = [...byCall.keys()].filter((name) => !known.has(name));
  return [
    ...strangers.map((name) => ({ rule: "not started", what: `${name} is in the books and in no journal` })),
    ...sharedKeys(effects),
    ...calls.flatMap((call) => [
      ...closings(call),
      ...entries(call),
      ...keys(call),
      ...results(call),
      ...repeatedWrites(call),
    ]),
  ];
};

const callsOf = (
  sessionId: string,
  session: readonly JournalEvent[],
  effects: ReadonlyMap<string, readonly EffectRecord[]>,
): readonly Call[] =>
  eventsOf(session, "model-call.completed").flatMap(({ header, position }) =>
    header.calls.map(({ callId }): Call => {
      const name = `${sessionId} ${callId}`;
      const events = session.filter((event) => "callId" in event.header && event.header.callId === callId);
      const own = effects.get(name) ?? [];
      return { name, askedAt: position, runId: header.runId, events, session, effects: own };
    }),
  );

const isClosing = (header: EventHeader): boolean => {
  switch (header.type) {
    case "tool-call.completed":
      return true;
    case "tool-call.failed":
      return header.next.kind !== "retry";
    case "tool-call.unknown":
      return header.next.kind === "give-up";
    case "tool-call.resolved":
      return header.as !== "retry";
    default:
      return false;
  }
};

/** Exactly one result, and before the model is called again (E3). */
const closings = ({ name, events, session, runId, askedAt }: Call): readonly Finding[] => {
  const closed = events.filter(({ header }) => isClosing(header));
  const again = eventsOf(session, "model-call.started").find(
    ({ header, position }) => header.runId === runId && position > askedAt,
  );
  const isOpen =
    (closed[0]?.position ?? Number.POSITIVE_INFINITY) > (again?.position ?? Number.POSITIVE_INFINITY);
  return [
    ...(closed.length === 1
      ? []
      : [{ rule: "not closed once", what: `${name} has ${closed.length} results` }]),
    ...(isOpen ? [{ rule: "open at model call", what: name }] : []),
  ];
};

const startOf = ({ events }: Call, attempt: number) =>
  eventsOf(events, "tool-call.started").find(({ header }) => header.attempt === attempt);

/** Entered once an attempt, after its start was stored, by who holds the session, never after its end (E1, J1, J2). */
const entries = (call: Call): readonly Finding[] => {
  const closed = call.events.find(({ header }) => isClosing(header));
  const arrived = call.effects.filter(({ what }) => what === "arrived");
  return arrived.flatMap((record, index): readonly Finding[] => {
    const what = `${call.name} attempt ${record.attempt}`;
    const start = startOf(call, record.attempt);
    if (start === undefined) return [{ rule: "not started", what }];
    const isTwice = arrived.slice(0, index).some(({ attempt }) => attempt === record.attempt);
    // It is entered when its process says so: what that sent may arrive after its death.
    const isAfterEnd = closed !== undefined && closed.at < record.enteredAt;
    const isTakenOver = call.session.some(({ epoch, at }) => epoch > start.epoch && at < record.enteredAt);
    return [
      ...(record.enteredAt < start.at
        ? [{ rule: "not started", what: `${what} came before its start` }]
        : []),
      ...(isTwice ? [{ rule: "entered twice", what }] : []),
      ...(isAfterEnd ? [{ rule: "executed after its end", what }] : []),
      ...(isTakenOver ? [{ rule: "entered after takeover", what }] : []),
    ];
  });
};

/** The key is the same for every attempt, in the journal and in the world (T4), and nobody asks too early (E2). */
const keys = (call: Call): readonly Finding[] => {
  const journaled = eventsOf(call.events, "tool-call.started").map(({ header }) => header.idempotencyKey);
  const all = new Set([...journaled, ...call.effects.map(({ idempotencyKey }) => idempotencyKey)]);
  const isEarly = call.effects.some(
    ({ what, attempt, enteredAt, at }) =>
      what === "asked" && Math.max(enteredAt, at) < (startOf(call, attempt)?.header.notAfter ?? 0),
  );
  return [
    ...(all.size > 1 ? [{ rule: "key changed", what: `${call.name} has ${all.size} keys` }] : []),
    ...(isEarly ? [{ rule: "verified early", what: call.name }] : []),
  ];
};

/** A key is one call's and nobody else's. */
const sharedKeys = (effects: readonly EffectRecord[]): readonly Finding[] =>
  [...Map.groupBy(effects, ({ idempotencyKey }) => idempotencyKey)].flatMap(([key, all]) => {
    const names = new Set(all.map(({ sessionId, callId }) => `${sessionId} ${callId}`));
    return names.size > 1 ? [{ rule: "key shared", what: `${key}: ${[...names].join(", ")}` }] : [];
  });

const RECEIPT = /\br\d+\./;

/** What the journal says a call came to is what the service's books say. */
const results = ({ name, events, effects }: Call): readonly Finding[] => {
  const executed = effects.filter(({ what }) => what === "executed");
  return events.flatMap(({ header, payload, position }): readonly Finding[] => {
    const where = `${name} @${position}`;
    const isWrite = executed.some(({ effect }) => effect === "write");
    if (header.type === "tool-call.failed" && header.next.kind === "give-up" && isWrite)
      return [{ rule: "write denied", what: `${where} failed, and took place` }];
    const isDone =
      header.type === "tool-call.completed" ||
      (header.type === "tool-call.resolved" && header.as === "completed");
    if (!isDone) return [];
    const receipt = RECEIPT.exec(JSON.stringify(payload))?.[0];
    const isGiven = executed.some((record) => record.receipt === receipt);
    return isGiven ? [] : [{ rule: "result invented", what: `${where} says ${receipt ?? "nothing"}` }];
  });
};

/** By the books alone: no write takes place twice, whatever the journal makes of it (E2). */
const repeatedWrites = (call: Call): readonly Finding[] => {
  const writes = call.effects.filter(({ what, effect }) => what === "executed" && effect === "write");
  // One that came so long after its attempt had to be over, nobody who verified it could have waited for.
  const before = writes.slice(0, -1).filter(({ attempt, at }) => {
    const notAfter = startOf(call, attempt)?.header.notAfter;
    return notAfter === undefined || at <= notAfter + ON_ITS_WAY_MS;
  });
  return before.length === 0
    ? []
    : [{ rule: "write repeated", what: `${call.name} took place ${writes.length} times` }];
};
