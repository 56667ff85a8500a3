import { beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../core/hash-chain.ts";
import { openEvent, sealEvent } from "../../core/journal-codec.ts";
import type { EventHeader, JournalEvent } from "../../core/event.ts";
import { sha256 } from "../../runtime/index.ts";
import { checkHistory } from "./history-checker.ts";
import type { EffectEntry, History, Rule } from "./history.ts";
import { simulate } from "./simulate.ts";

type Forgery = (events: readonly JournalEvent[]) => readonly JournalEvent[];

/** Seals a changed journal anew, so that only what was forged is wrong with it. */
const seal = (events: readonly JournalEvent[]): readonly StoredEvent[] => {
  let end = { position: 0, hash: GENESIS_HASH, at: 0 };
  return events.map(({ header, payload, epoch, at }) => {
    const salt = (): Uint8Array => new Uint8Array(32);
    const { stored } = sealEvent({ ...end, at: 0 }, { header, payload }, { sha256, epoch, now: at, salt });
    end = { position: stored.position, hash: stored.hash, at };
    return stored;
  });
};

const has =
  (type: EventHeader["type"]) =>
  ({ header }: JournalEvent): boolean =>
    header.type === type;

describe("a history", () => {
  let good: History;
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];

  beforeAll(async () => {
    // A calm seed, in which a write took place: nothing but what is forged is wrong with it.
    ({ history: good } = await simulate({ seed: 3 }));
    const found = [...good.journals].find(([id]) =>
      good.effects.some(
        ({ effect, kind, sessionId: of }) => of === id && effect === "write" && kind === "executed",
      ),
    );
    sessionId = found?.[0] ?? "";
    journal = (found?.[1] ?? []).map(openEvent);
  });

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(checkHistory(history).map((violation) => violation.rule)),
  ];
  const withJournal = (stored: readonly StoredEvent[]): History => ({
    ...good,
    sightings: [],
    effects: good.effects,
    journals: new Map([...good.journals, [sessionId, stored]]),
  });
  const forged = (forge: Forgery): readonly Rule[] => rulesOf(withJournal(seal(forge(journal))));
  const at = (type: EventHeader["type"]): number => journal.findLastIndex(has(type));
  const effect = (): EffectEntry => {
    const found = good.effects.findLast(
      (entry) => entry.sessionId === sessionId && entry.effect === "write" && entry.kind === "executed",
    );
    if (found === undefined) throw new TypeError("no write took place");
    return found;
  };
  const withEffect = (change: Partial<EffectEntry>): readonly Rule[] =>
    rulesOf({ ...good, effects: [...good.effects, { ...effect(), ...change }] });

  test("that is good has nothing wrong with it, sealed anew or not", () => {
    expect(checkHistory(good)).toEqual([]);
    expect(forged((events) => events)).toEqual([]);
  });

  test("J4: with a changed byte has a broken chain", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const changed = stored.map((event, index) =>
      index === 4 ? { ...event, header: event.header.replace('"v":1', '"v":1 ') } : event,
    );
    expect(rulesOf(withJournal(changed))).toEqual(["chain-broken"]);
  });

  test("J2: with an event left out has a gap and a broken chain", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const rules = rulesOf(withJournal(stored.filter((_, index) => index !== 4)));
    expect(rules).toEqual(expect.arrayContaining(["position-gap", "chain-broken"]));
  });

  test("J2: in which an old epoch writes again is seen", () => {
    const last = journal.length - 1;
    expect(forged((events) => events.map((one, i) => (i === last ? { ...one, epoch: 0 } : one)))).toEqual([
      "epoch-decreased",
    ]);
  });

  test("in which time goes back is seen", () => {
    const last = journal.length - 1;
    expect(forged((events) => events.map((one, i) => (i === last ? { ...one, at: 5 } : one)))).toEqual([
      "time-backwards",
    ]);
  });

  test("J1: without an input that was acknowledged is seen", () => {
    const runId = "run_nobody_accepted";
    const lost = { kind: "input", sessionId, key: "lost", runId, says: "lost;" } as const;
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, lost] })).toEqual(["input-missing"]);
  });

  test("J5: in which one key was answered with two runs is seen", () => {
    const first = good.acknowledged.find((one) => one.kind === "input" && one.sessionId === sessionId);
    if (first === undefined) throw new TypeError("nothing was acknowledged");
    const again = { ...first, runId: "run_another" };
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, again] })).toEqual(["key-with-two-runs"]);
  });

  test("J6: with an input that is there twice is seen", () => {
    const accepted = journal[at("run.accepted")];
    if (accepted === undefined) throw new TypeError("nothing was accepted");
    const last = journal.at(-1) ?? accepted;
    expect(forged((events) => [...events, { ...accepted, at: last.at, epoch: last.epoch }])).toEqual(
      expect.arrayContaining(["input-twice"]),
    );
  });

  test("E2: in which a write took place twice is seen", () => {
    expect(withEffect({})).toEqual(["write-repeated"]);
  });

  test("E2: in which a call had another key is seen", () => {
    expect(withEffect({ kind: "verified", at: Number.MAX_SAFE_INTEGER, idempotencyKey: "other" })).toEqual([
      "key-changed",
    ]);
  });

  test("E2: that was verified too early is seen", () => {
    expect(withEffect({ kind: "verified", at: 0, durable: 0 })).toEqual(["verified-early"]);
  });

  test("E1: in which a tool was entered twice, or after its call was closed, is seen", () => {
    const rules = withEffect({ kind: "entered", durable: journal.length });
    expect(rules).toEqual(expect.arrayContaining(["entered-twice", "executed-after-close"]));
  });

  test("J1: in which a tool was entered before its start was durable is seen", () => {
    expect(withEffect({ kind: "entered", attempt: 99, durable: 3 })).toEqual(["not-started"]);
    expect(withEffect({ kind: "entered", callId: "call_9999_0" })).toEqual(["not-started"]);
  });

  test("E3: in which a call was closed twice is seen", () => {
    const place = at("tool-call.completed");
    const twice = forged((events) => events.flatMap((one, i) => (i === place ? [one, one] : [one])));
    expect(twice).toEqual(expect.arrayContaining(["closed-twice"]));
  });

  test("E3: in which a call is open when the model is called is seen", () => {
    const place = at("tool-call.completed");
    expect(forged((events) => events.filter((_, index) => index !== place))).toEqual(
      expect.arrayContaining(["open-at-model-call"]),
    );
  });

  test("E5: in which something started after a cancel is seen", () => {
    const { header } = journal[at("model-call.started")] ?? {};
    const runId = header !== undefined && "runId" in header ? header.runId : "";
    const cancel = { kind: "cancel", sessionId, runId, durable: 1 } as const;
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, cancel] })).toEqual([
      "started-after-cancel",
    ]);
  });

  test("E2: in which a tool was entered after its time, is seen", () => {
    const rules = withEffect({ kind: "entered", at: Number.MAX_SAFE_INTEGER });
    expect(rules).toEqual(expect.arrayContaining(["entered-late"]));
  });

  test("J2: in which a tool was entered after another had taken over is seen", () => {
    const place = at("tool-call.started");
    const start = journal[place];
    if (start?.header.type !== "tool-call.started") throw new TypeError("nothing was started");
    const { callId, attempt } = start.header;
    const stored = seal(
      journal.map((one, index) => (index > place ? { ...one, epoch: one.epoch + 1 } : one)),
    );
    const late: EffectEntry = { ...effect(), kind: "entered", callId, attempt, durable: place + 2 };
    const rules = rulesOf({ ...withJournal(stored), effects: [...good.effects, late] });
    expect(rules).toEqual(expect.arrayContaining(["entered-after-takeover"]));
  });

  test("E5: with a late result of a call that was never started is seen", () => {
    const end = journal.at(-1);
    if (end === undefined) throw new TypeError("an empty journal");
    const runId = "run_x";
    const header = {
      type: "tool-call.late",
      runId,
      callId: "call_1_9",
      attempt: 1,
      status: "failed",
    } as const;
    expect(forged((events) => [...events, { ...end, header }])).toEqual(["late-for-unknown-call"]);
  });

  test("E5: in which what runs is not told of a cancel is seen", () => {
    const place = at("tool-call.started");
    const start = journal[place];
    if (start?.header.type !== "tool-call.started") throw new TypeError("nothing was started");
    const { callId, attempt, runId } = start.header;
    const cancel = { ...start, header: { type: "run.cancel-requested", runId } as const };
    const stored = seal(journal.flatMap((one, index) => (index === place ? [one, cancel] : [one])));
    const activities = [{ sessionId, callId, attempt, until: null }];
    const rules = rulesOf({ ...withJournal(stored), activities });
    expect(rules).toEqual(expect.arrayContaining(["not-aborted"]));
  });

  test("E1 J3: in which a run begins or ends twice is seen", () => {
    const twice = (type: EventHeader["type"]): readonly Rule[] =>
      forged((events) => events.flatMap((one, index) => (index === at(type) ? [one, one] : [one])));
    expect(twice("run.started")).toEqual(expect.arrayContaining(["run-started-twice"]));
    expect(twice("run.completed")).toEqual(expect.arrayContaining(["run-ended-twice"]));
  });

  test("S3: with a run that never ends is seen", () => {
    const runId = "run_new";
    const end = journal.at(-1);
    if (end === undefined) throw new TypeError("an empty journal");
    const header = { type: "run.accepted", runId, chars: 1 } as const;
    expect(forged((events) => [...events, { ...end, header, payload: { content: "?" } }])).toEqual([
      "run-unsettled",
    ]);
  });

  test("E8: with totals that are no sums is seen", () => {
    const forgeTotals = (event: JournalEvent): JournalEvent =>
      "totals" in event.header
        ? { ...event, header: { ...event.header, totals: { ...event.header.totals, turns: 99 } } }
        : event;
    expect(forged((events) => events.map(forgeTotals))).toEqual(["totals-wrong"]);
  });

  test("S5 J1: seen out of order, or before it was durable, is seen", () => {
    const seen = { subscriber: "x", sessionId, position: 2, durable: 9, type: journal[1]?.header.type ?? "" };
    expect(rulesOf({ ...good, sightings: [seen, seen] })).toEqual(["seen-out-of-order"]);
    expect(rulesOf({ ...good, sightings: [{ ...seen, durable: 1 }] })).toEqual(["seen-before-durable"]);
  });

  test("E3: with a prompt that a provider would refuse is seen", () => {
    expect(rulesOf({ ...good, refusedPrompts: [{ sessionId, problem: "a call without a result" }] })).toEqual(
      ["prompt-invalid"],
    );
  });
});
