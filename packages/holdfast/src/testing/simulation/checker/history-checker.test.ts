import { DAMAGE_MARK } from "../../simulation/misread.ts";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../../core/hash-chain.ts";
import { openEvent, sealEvent } from "../../../core/journal-codec.ts";
import type { EventHeader, JournalEvent } from "../../../core/event.ts";
import { sha256 } from "../../../runtime/index.ts";
import { checkHistory } from "./history-checker.ts";
import { type EffectEntry, type History, type ModelEntry } from "./history.ts";
import { RULES, type Rule } from "./rules.ts";
import { simulate } from "../../simulation/simulate.ts";

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

/** The journal has what the forgeries need: a write that took place, retries, several runs and an answer. */
const isRich = (history: History, id: string, events: readonly JournalEvent[]): boolean => {
  const hasWrite = history.effects.some(
    ({ effect, kind, sessionId }) => sessionId === id && effect === "write" && kind === "executed",
  );
  const completed = events.findLastIndex(has("tool-call.completed"));
  const hasRetry = events.some(
    ({ header, position }) =>
      header.type === "tool-call.failed" &&
      header.next.kind === "retry" &&
      events.some(
        (next) =>
          next.position > position &&
          next.header.type === "tool-call.started" &&
          next.header.callId === header.callId,
      ),
  );
  const last = events[completed]?.header;
  const hasReturned = history.effects.some(
    ({ sessionId, kind, callId }) =>
      sessionId === id &&
      kind === "returned" &&
      last?.type === "tool-call.completed" &&
      last.by === "execution" &&
      callId === last.callId,
  );
  const failed = events.findLast(has("tool-call.failed"))?.header;
  const hasThrown = failed?.type === "tool-call.failed" && failed.code === "TOOL_FAILED";
  const isFollowed = events.some((event, index) => index > completed && has("model-call.started")(event));
  const isLeftAlone = !history.acknowledged.some(
    (one) => STOPS.has(one.kind) && "sessionId" in one && one.sessionId === id,
  );
  const isCalm =
    isLeftAlone &&
    !events.some(has("run.cancel-requested")) &&
    has("run.completed")(events.at(-1) ?? NO_EVENT);
  return (
    hasReturned &&
    hasThrown &&
    hasWrite &&
    hasRetry &&
    isFollowed &&
    isCalm &&
    events.filter(has("run.completed")).length > 1
  );
};

/** What somebody may have stopped a call with. */
const STOPS: ReadonlySet<string> = new Set(["cancel", "cancel-call", "interrupt"]);

const NO_EVENT: JournalEvent = {
  header: { type: "run.cancel-requested", runId: "", mode: "interrupt" },
  payload: null,
  v: 1,
  position: 0,
  at: 0,
  epoch: 0,
  content: null,
};

describe("a history", () => {
  let good: History;
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];

  beforeAll(async () => {
    // One in which much happened: nothing but what is forged is wrong with it.
    for (let seed = 40; sessionId === "" && seed < 200; seed += 1) {
      const { history, violations } = await simulate({ seed });
      // Agents that ask each other are in other worlds: check-children.test.ts; and so are schedules: check-calendar.test.ts.
      if (history.team !== undefined || history.calendar !== undefined) continue;
      const found = [...history.journals].find(([id, stored]) => isRich(history, id, stored.map(openEvent)));
      if (found === undefined || violations.length > 0) continue;
      good = history;
      sessionId = found[0];
      journal = found[1].map(openEvent);
    }
    expect(sessionId).not.toBe("");
  }, 60_000);

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(checkHistory(history).map((violation) => violation.rule)),
  ];
  const withJournal = (stored: readonly StoredEvent[]): History => ({
    ...good,
    sightings: [],
    pieces: [],
    written: [],
    stops: [],
    followers: [],
    answers: [],
    askers: [],
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
    const cancel = { ...start, header: { type: "run.cancel-requested", runId, mode: "interrupt" } as const };
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
    const header = {
      type: "run.accepted",
      runId,
      chars: 1,
      source: null,
      limits: null,
      joins: null,
      isNext: false,
      calledBy: null,
    } as const;
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
    expect(rulesOf({ ...good, followers: [], sightings: [seen, seen] })).toEqual(["seen-out-of-order"]);
    expect(rulesOf({ ...good, followers: [], sightings: [{ ...seen, durable: 1 }] })).toEqual([
      "seen-before-durable",
    ]);
  });

  test("E3: with a prompt that a provider would refuse is seen", () => {
    expect(rulesOf({ ...good, refusedPrompts: [{ sessionId, problem: "a call without a result" }] })).toEqual(
      ["prompt-invalid"],
    );
  });

  const eventAt = (type: EventHeader["type"]): JournalEvent => {
    const found = journal[at(type)];
    if (found === undefined) throw new TypeError(`no ${type}`);
    return found;
  };
  const changed = <Type extends EventHeader["type"]>(
    type: Type,
    change: Partial<Extract<EventHeader, { type: Type }>>,
  ): readonly Rule[] => {
    const place = at(type);
    return forged((events) =>
      events.map((one, index) =>
        index === place ? { ...one, header: { ...one.header, ...change } as EventHeader } : one,
      ),
    );
  };
  const inserted = (before: EventHeader["type"], header: EventHeader): readonly Rule[] => {
    const place = at(before);
    return forged((events) =>
      events.flatMap((one, index) => (index === place ? [{ ...one, header, payload: null }, one] : [one])),
    );
  };
  const runId = (): string => {
    const { header } = eventAt("run.completed");
    return "runId" in header ? header.runId : "";
  };
  const withModel = (change: Partial<ModelEntry>): readonly Rule[] => {
    const place = good.models?.findLastIndex(
      (entry) => entry.sessionId === sessionId && entry.answer !== null,
    );
    const models =
      good.models?.map((entry, index) => (index === place ? { ...entry, ...change } : entry)) ?? [];
    return rulesOf({ ...good, models });
  };

  test("E3: in which a model was told what was not said is seen", () => {
    expect(withModel({ prompt: [] })).toEqual(["prompt-wrong"]);
  });

  test("J1: in which a model was asked and no call had begun is seen", () => {
    expect(withModel({ durable: 1 })).toEqual(expect.arrayContaining(["model-not-asked-for"]));
    expect(withModel({ provider: "nobody" })).toEqual(["model-not-asked-for"]);
  });

  test("E9 E8: with an answer, or a charge, that the model did not give is seen", () => {
    expect(withModel({ answer: null })).toEqual(["answer-wrong"]);
    const usage = { inputTokens: 1_000_001, outputTokens: 0 };
    const answer = { text: "", calls: [], finish: "stop", usage };
    expect(withModel({ answer })).toEqual(expect.arrayContaining(["answer-wrong", "usage-wrong"]));
  });

  test("E5 J2: in which a model is called by who was told to stop, or has lost the session, is seen", () => {
    const visit = good.visits?.find((one) => one.sessionId === sessionId);
    if (visit === undefined) throw new TypeError("no model was called");
    expect(rulesOf({ ...good, visits: [{ ...visit, isStopped: true }] })).toEqual(["asked-when-stopped"]);
    expect(rulesOf({ ...good, visits: [{ ...visit, holder: "another" }] })).toEqual(["acted-for-another"]);
  });

  test("E6: with an answer that took too long is seen", () => {
    const visit = good.visits?.findLast((one) => one.sessionId === sessionId && one.answeredMs !== null);
    if (visit === undefined) throw new TypeError("no model answered");
    for (const change of [{ answeredMs: 62_000 }, { silenceMs: 17_000 }, { firstMs: 22_000 }])
      expect(rulesOf({ ...good, visits: [{ ...visit, ...change }] })).toContain("answer-late");
  });

  test("E6: with a tool, or a check of one, that was at work beyond its time is seen", () => {
    const { callId, attempt } = effect();
    const activity = { sessionId, callId, attempt, until: 1, untilDurable: 1, ranMs: 200_000 };
    expect(rulesOf({ ...good, activities: [activity] })).toEqual(["ran-too-long"]);
    expect(rulesOf({ ...good, checks: [activity] })).toEqual(["ran-too-long"]);
  });

  test("E7: with more calls of a limited tool at work in a process than there may be is seen", () => {
    const { callId, attempt } = effect();
    const at = (order: number) => ({ order, ms: order });
    const one = { tool: "look", sessionId, callId, attempt, by: "p1", until: 9, untilDurable: 1 };
    const bank = { tools: new Set(["look"]), maxConcurrent: 1, maxWaitMs: 1_000 };
    const judged = (second: object) => {
      const activities = [
        { ...one, began: at(1), ended: at(4) },
        { ...one, began: at(3), ended: at(6), ...second },
      ];
      return rulesOf({ ...good, bank, activities }).filter((rule) => rule === "too-many-at-once");
    };
    expect(judged({})).toEqual(["too-many-at-once"]);
    for (const free of [{ by: "p2" }, { tool: "tell" }, { began: at(5) }]) expect(judged(free)).toEqual([]);
  });

  test("J2: in which a tool is asked by who has lost the session is seen", () => {
    const of = { by: "p1", holder: "p2", at: Number.MAX_SAFE_INTEGER };
    expect(withEffect({ kind: "asked", ...of })).toEqual(["acted-for-another"]);
  });

  test("E5: in which what came late is forgotten is seen, unless nobody could tell", () => {
    const lateReturns = [{ sessionId, callId: effect().callId, attempt: 99, by: "p1", sinceMs: 5 }];
    expect(rulesOf({ ...good, lateReturns, troubles: [] })).toContain("late-forgotten");
    const gone = { by: "p1", kind: "gone", fromMs: 6, untilMs: Number.POSITIVE_INFINITY } as const;
    expect(rulesOf({ ...good, lateReturns, troubles: [gone] })).not.toContain("late-forgotten");
  });

  test("E6: with a failure that nobody made is seen", () => {
    expect(changed("tool-call.failed", { code: "INTERNAL" })).toEqual(expect.arrayContaining(["code-wrong"]));
    expect(changed("tool-call.failed", { code: "TOOL_CANCELLED" })).toEqual(
      expect.arrayContaining(["code-wrong"]),
    );
  });

  test("E1: with a result that no tool gave is seen", () => {
    const { header } = eventAt("tool-call.completed");
    const callId = "callId" in header ? header.callId : "";
    const effects = good.effects.filter((entry) => entry.callId !== callId || entry.kind !== "returned");
    expect(rulesOf({ ...good, effects })).toEqual(["result-wrong"]);
  });

  test("E3: in which a tool was entered with what nobody asked for is seen", () => {
    const place = good.effects.findIndex((entry) => entry.kind === "entered");
    const effects = good.effects.map((entry, index) => (index === place ? { ...entry, input: "?" } : entry));
    expect(rulesOf({ ...good, effects })).toEqual(["input-wrong"]);
  });

  test("E7: with an attempt that is not due, or not yet, is seen", () => {
    expect(changed("model-call.started", { attempt: 7 })).toEqual(expect.arrayContaining(["attempt-wrong"]));
    const place = journal.findIndex(
      ({ header }) => header.type === "tool-call.failed" && header.next.kind === "retry",
    );
    const rules = forged((events) =>
      events.map((one, index) =>
        index === place && one.header.type === "tool-call.failed"
          ? { ...one, header: { ...one.header, next: { kind: "retry", dueAt: Number.MAX_SAFE_INTEGER } } }
          : one,
      ),
    );
    expect(rules).toEqual(expect.arrayContaining(["retried-early", "next-wrong"]));
  });

  test("E6: with a call beyond a limit is seen", () => {
    expect(changed("tool-call.started", { notAfter: Number.MAX_SAFE_INTEGER })).toContain("past-limit");
  });

  test("J3: with a run that ends without reason is seen", () => {
    expect(changed("run.completed", { answerAt: 2 })).toEqual(["end-wrong"]);
  });

  test("J6: with a run that begins while another is open is seen", () => {
    expect(
      forged((events) => events.filter((_, index) => index !== journal.findIndex(has("run.completed")))),
    ).toEqual(expect.arrayContaining(["runs-overlap"]));
  });

  test("S6: with a run that waits for what is there is seen", () => {
    const waitingFor = [{ kind: "definition", name: "pay" }] as const;
    const header = { type: "run.suspended", runId: runId(), waitingFor } as const;
    const waits = withJournal(seal(journal.with(-1, { ...eventAt("run.completed"), header, payload: null })));
    expect(rulesOf(waits)).toContain("run-unsettled");
    expect(rulesOf({ ...waits, known: new Set() })).not.toContain("run-unsettled");
  });

  test("J2: with a recovery from nobody is seen", () => {
    const { epoch } = eventAt("run.completed");
    const header = { type: "session.recovered", previousEpoch: epoch, safeAt: 0 } as const;
    expect(inserted("run.completed", header)).toEqual(expect.arrayContaining(["not-recovered"]));
  });

  test("J2: with two owners of one epoch is seen", () => {
    const mine = good.written?.filter((one) => one.sessionId === sessionId && one.events.length > 0) ?? [];
    const again = mine.map((one) => ({ ...one, writer: "another" }));
    expect(rulesOf({ ...good, written: [...mine, ...again] })).toContain("two-owners");
  });

  test("J1: without what was stored is seen", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const cut = { ...withJournal(stored.slice(0, -1)), written: good.written ?? [] };
    expect(rulesOf(cut)).toEqual(expect.arrayContaining(["written-and-gone"]));
  });

  test("S3: that is suspended for no reason is seen", () => {
    const header = { type: "run.suspended", runId: runId(), waitingFor: [] } as const;
    expect(inserted("run.completed", header)).toEqual(expect.arrayContaining(["reason-wrong"]));
  });

  test("E7 S3: that waits for long and does not say so, or says something else, is seen", () => {
    const place = journal.findIndex(
      ({ header }) => header.type === "tool-call.failed" && header.next.kind === "retry",
    );
    const failed = journal[place];
    if (failed?.header.type !== "tool-call.failed") throw new TypeError("nothing failed");
    // Nothing else is open: the run waits for this call alone, and for a minute.
    const { runId: of, callId } = failed.header;
    const next = { kind: "retry", dueAt: failed.at + 60_000 } as const;
    const waits = { ...failed, header: { ...failed.header, next } };
    const closed = journal.slice(0, place).flatMap(({ header }) => {
      if (header.type !== "model-call.completed" || header.runId !== of) return [];
      return header.calls.filter((call) => call.callId !== callId);
    });
    const others = closed.map((call): JournalEvent => ({
      ...failed,
      payload: null,
      header: { type: "tool-call.resolved", runId: of, callId: call.callId, as: "completed", chars: 1 },
    }));
    const suspended = (callIdOfWait: string): JournalEvent => ({
      ...failed,
      payload: null,
      header: {
        type: "run.suspended",
        runId: of,
        waitingFor: [{ kind: "resolution", callId: callIdOfWait }],
      },
    });
    const rules = (more: readonly JournalEvent[]): readonly Rule[] => {
      const stored = seal([...journal.slice(0, place), ...others, waits, ...more]);
      const events = stored.slice(place);
      return rulesOf({
        ...withJournal(stored),
        written: [{ sessionId, writer: "x", epoch: failed.epoch, events }],
      });
    };
    expect(rules([])).toEqual(expect.arrayContaining(["not-suspended"]));
    expect(rules([suspended(callId)])).toEqual(expect.arrayContaining(["waits-wrong"]));
  });

  test("E1: that goes on though holder after holder died is seen", () => {
    const place = at("model-call.started");
    const lost = { type: "session.recovered", previousEpoch: 0, safeAt: 0 } as const;
    const rules = forged((events) =>
      events.flatMap((one, index) =>
        index === place ? [...[1, 2, 3].map(() => ({ ...one, header: lost, payload: null })), one] : [one],
      ),
    );
    expect(rules).toEqual(expect.arrayContaining(["poison-ignored"]));
  });

  test("J6: with a signal that nobody read is seen", () => {
    expect(rulesOf({ ...good, unread: new Map([[sessionId, 1]]) })).toEqual(["signal-lost"]);
    const posted = { sessionId, by: "x", at: 0, kind: "input", runId: "run_lost", key: null };
    expect(rulesOf({ ...good, posted: [posted] })).toEqual(["signal-lost"]);
  });

  test("J6: with inputs that changed places is seen", () => {
    const runs = journal.flatMap(({ header }) => (header.type === "run.accepted" ? [header.runId] : []));
    const [early = "", late = ""] = runs;
    const said = good.acknowledged.find((one) => one.kind === "input" && one.runId === late);
    const first = { kind: "input", sessionId, key: "k", says: "?", runId: late, by: "x", at: 1 } as const;
    const posted = [late, early].map((runId, index) => {
      return { sessionId, by: "x", at: 2 * index, kind: "input", runId, key: null };
    });
    expect(said).toBeDefined();
    // What came first may have been read long after the other, too.
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, first], posted })).toContain(
      "inputs-reordered",
    );
  });

  test("S5: with pieces of an answer out of order, or of none, is seen", () => {
    const start = eventAt("model-call.started");
    const attempt = start.header.type === "model-call.started" ? start.header.attempt : 0;
    const startedAt = start.position;
    const piece = {
      subscriber: "x",
      sessionId,
      startedAt,
      attempt,
      type: "text",
      text: "",
      after: startedAt,
    };
    expect(rulesOf({ ...good, pieces: [{ ...piece, offset: 5 }] })).toEqual(["pieces-wrong"]);
    expect(rulesOf({ ...good, pieces: [{ ...piece, offset: 0, startedAt: 1 }] })).toEqual(["pieces-wrong"]);
    expect(rulesOf({ ...good, pieces: [{ ...piece, offset: 0, after: journal.length }] })).toEqual([
      "pieces-wrong",
    ]);
    expect(rulesOf({ ...good, pieces: [{ ...piece, offset: 0 }] })).toEqual([]);
  });

  test("O2: with a secret in it is seen", () => {
    const rules = rulesOf({ ...good, secrets: [runId()] });
    expect(rules).toEqual(["secret-told"]);
  });

  test("S6: that cannot be read is seen", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const broken = stored.map((event, index) => (index === 3 ? { ...event, header: "{" } : event));
    expect(rulesOf(withJournal(broken))).toEqual(expect.arrayContaining(["unreadable"]));
  });

  test("J5: with a key that was taken for two inputs is seen", () => {
    const first = good.acknowledged.find((one) => one.kind === "input" && one.sessionId === sessionId);
    expect(first).toBeDefined();
    const again = { ...first, says: "another" } as History["acknowledged"][number];
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, again] })).toEqual([
      "key-with-two-inputs",
    ]);
  });

  test("J5: that was given out as another agent's is seen", () => {
    expect(rulesOf({ ...good, told: [{ kind: "session", sessionId, agent: "another" }] })).toEqual([
      "agent-mixed",
    ]);
  });

  test("E5: in which not all was stopped is seen", () => {
    const stopped = { kind: "stopped", sessionId, before: [runId()], durable: 1 } as const;
    expect(rulesOf({ ...good, told: [{ ...stopped, runs: [] }] })).toEqual(["run-left"]);
    expect(rulesOf({ ...good, told: [{ ...stopped, runs: [runId()] }] })).toEqual([]);
  });

  test("E2: in which an answer was taken that nobody waited for is seen", () => {
    const { header } = eventAt("tool-call.completed");
    const callId = "callId" in header ? header.callId : "";
    const told = { kind: "resolution", sessionId, callId, durable: 0 } as const;
    expect(rulesOf({ ...good, told: [told] })).toEqual(["answer-taken"]);
  });

  test("C4: with a store that takes what it must refuse is seen", () => {
    const asked = "to write under an epoch that has passed";
    const probe = { contract: "C4", sessionId, asked, expected: "refused", answered: "ok" };
    expect(rulesOf({ ...good, probes: [probe] })).toEqual(["contract-broken"]);
  });

  test("J4: that goes on from what was damaged when it was read is seen", () => {
    const actedOnDamage = [{ sessionId, by: "p1", position: 3 }];
    expect(rulesOf({ ...good, actedOnDamage })).toEqual(["acted-on-damage"]);
  });

  test("J4: in which a model was told what was damaged is seen", () => {
    const [entry] = (good.models ?? []).filter((one) => one.sessionId === sessionId);
    const prompt = [{ role: "user", content: [{ type: "text", text: `do ${DAMAGE_MARK}` }] }] as const;
    const models = entry === undefined ? [] : [{ ...entry, prompt }];
    expect(rulesOf({ ...good, actedOnDamage: [], models })).toContain("damage-told");
  });

  test("S6: that goes on after what a later version wrote is seen", () => {
    const stranger = { sessionId, wrote: "kind", after: 9, end: 10, foundEnd: 10, looks: 4 } as const;
    expect(rulesOf({ ...good, strangers: [stranger] })).toEqual([]);
    expect(rulesOf({ ...good, strangers: [{ ...stranger, foundEnd: 11 }] })).toEqual(["worked-past-later"]);
    expect(rulesOf({ ...good, strangers: [{ ...stranger, looks: 400 }] })).toEqual(["looked-too-often"]);
  });

  test("every rule has its forgery here", async () => {
    const names = [
      "history-checker",
      "check-promptness",
      "check-mailbox",
      "check-holders",
      "check-content",
      "check-steering",
      "check-calendar",
      "check-approvals",
      "check-undo",
      "check-summaries",
      "check-budgets",
      "check-children",
      "check-archive",
    ];
    const files = names.map((name) =>
      readFile(fileURLToPath(new URL(`${name}.test.ts`, import.meta.url)), "utf8"),
    );
    const here = (await Promise.all(files)).join("\n");
    const inSimulation = new Set<string>(["alarm", "snapshot-wrong"]);
    const missing = RULES.filter((rule) => !inSimulation.has(rule) && !here.includes(`"${rule}"`));
    expect(missing).toEqual([]);
  });
});
