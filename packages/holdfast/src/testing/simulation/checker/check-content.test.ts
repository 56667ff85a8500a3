import { beforeAll, describe, expect, test } from "vitest";
import { openEvent } from "../../../core/journal-codec.ts";
import type { JournalEvent } from "../../../core/event.ts";
import { checkHistory } from "./history-checker.ts";
import type { Asker, History, ModelVisit, RunAnswer } from "./history.ts";
import type { Rule } from "./rules.ts";
import { simulate } from "../../simulation/simulate.ts";

type Completed = JournalEvent & { readonly header: { readonly type: "run.completed" } };

const isCompleted = (event: JournalEvent): event is Completed => event.header.type === "run.completed";

describe("a history", () => {
  let good: History;
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];

  beforeAll(async () => {
    for (let seed = 1; sessionId === "" && seed < 100; seed += 1) {
      const { history, violations } = await simulate({ seed });
      expect(violations).toEqual([]);
      const erased = new Set(history.erasures?.map((one) => one.sessionId));
      const found = [...history.journals].find(
        ([id, stored]) => !erased.has(id) && stored.map(openEvent).some(isCompleted),
      );
      if (found === undefined) continue;
      good = history;
      sessionId = found[0];
      journal = found[1].map(openEvent);
    }
    expect(sessionId).not.toBe("");
  }, 60_000);

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(checkHistory(history).map(({ rule }) => rule)),
  ];
  const completed = (): Completed => {
    const found = journal.find(isCompleted);
    if (found === undefined) throw new TypeError("no run was completed");
    return found;
  };
  const told = (answer: RunAnswer["answer"]): readonly Rule[] => {
    const { runId } = completed().header;
    return rulesOf({ ...good, answers: [{ sessionId, runId, durable: journal.length, answer }] });
  };

  test("J1 E6: in which an input is not what was sent, or weighs something else, is seen", () => {
    const forged = (sent: { readonly line: string; readonly chars: number }): readonly Rule[] =>
      rulesOf({
        ...good,
        acknowledged: good.acknowledged.map((one) =>
          one.sessionId === sessionId && one.kind === "input" ? { ...one, sent } : one,
        ),
      });
    expect(forged({ line: "something else", chars: -1 })).toEqual(["content-wrong", "weight-wrong"]);
  });

  test("J1 O2: in which a file is gone, is another, or tells a secret, is seen", () => {
    const withFile = (problem: "is gone" | "is another" | "tells a secret"): readonly Rule[] =>
      rulesOf({ ...good, wrongFiles: [{ sessionId, digest: "d", problem }] });
    expect(withFile("is gone")).toEqual(["file-wrong"]);
    expect(withFile("is another")).toEqual(["file-wrong"]);
    expect(withFile("tells a secret")).toEqual(["secret-told"]);
  });

  test("O2: in which who follows is told a secret is seen", () => {
    const text = `it was ${good.secrets?.[0] ?? ""}`;
    expect(rulesOf({ ...good, remarks: [{ sessionId, text }] })).toEqual(["secret-told"]);
  });

  test("S5: in which a run is told of as it was not is seen", () => {
    expect(told({ kind: "events", last: completed().position })).toEqual([]);
    expect(told({ kind: "events", last: 2 })).toEqual(["told-wrong"]);
    expect(told({ kind: "text", onCut: "fail", text: "?", isCut: false })).toEqual(["told-wrong"]);
    const { runId } = completed().header;
    const waitingFor = [{ kind: "operator", reason: "restored" }] as const;
    expect(told({ kind: "outcome", told: { status: "suspended", runId, waitingFor } })).toEqual([
      "told-wrong",
    ]);
  });

  test("S3: in which somebody waits for a run that has ended is seen", () => {
    const asker: Asker = { name: "x", sessionId, runId: completed().header.runId };
    expect(rulesOf({ ...good, askers: [asker] })).toEqual(["not-told"]);
    expect(rulesOf({ ...good, askers: [{ ...asker, runId: "run_open" }] })).toEqual([]);
  });

  test("S5: in which somebody begins to follow too late, or looks and does not see all, is seen", () => {
    const place = { subscriber: "x", sessionId };
    const seen = { ...place, position: 3, durable: 9, type: journal[2]?.header.type ?? "" };
    expect(rulesOf({ ...good, sightings: [{ ...seen, since: 2 }], followers: [] })).toEqual([]);
    expect(rulesOf({ ...good, sightings: [{ ...seen, since: 1 }], followers: [] })).toEqual([
      "seen-out-of-order",
    ]);
    expect(rulesOf({ ...good, glances: [{ ...place, seen: 3, least: 4 }] })).toEqual(["not-seen"]);
  });

  test("J4: in which what was to be forgotten is still there is seen", () => {
    const events = good.journals.get(sessionId) ?? [];
    const erasure = { sessionId, upTo: 3, events, from: { order: 1, ms: 1 }, isDone: true };
    expect(rulesOf({ ...good, erasures: [...(good.erasures ?? []), erasure] })).toEqual(["not-erased"]);
    expect(rulesOf({ ...good, erasures: [...(good.erasures ?? []), { ...erasure, isDone: false }] })).toEqual(
      [],
    );
  });

  test("J1: from which content is gone that nobody had erased is seen", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const erased = stored.map((event) => ({ ...event, payload: null, salt: null }));
    const journals = new Map([...good.journals, [sessionId, erased]]);
    expect(rulesOf({ ...good, journals })).toContain("written-and-gone");
    const erasure = {
      sessionId,
      upTo: stored.length,
      events: stored,
      from: { order: 0, ms: 0 },
      isDone: true,
    };
    expect(rulesOf({ ...good, journals, erasures: [...(good.erasures ?? []), erasure] })).toEqual([]);
  });

  test("J6: in which an input lies there though its process could read it is seen", () => {
    const [id, runId] = [sessionId, "run_new"];
    const written = [{ sessionId: id, writer: "x", epoch: 1, events: [], atMs: 5 }];
    const posted = [{ sessionId: id, by: "x", at: 10, kind: "input", runId, key: null }];
    const heard = { kind: "input", sessionId, key: "new", runId, says: "new;", by: "x", at: 10 } as const;
    const acknowledged = [...good.acknowledged, heard];
    const quiet = { ...good, written, posted, acknowledged, isCrowded: false };
    expect(rulesOf(quiet)).toContain("read-late");
    const trouble = { by: "x", kind: "store", fromMs: 8, untilMs: 20 } as const;
    expect(rulesOf({ ...quiet, troubles: [trouble] })).toContain("read-late");
    const long = { ...trouble, untilMs: 9_000 };
    expect(rulesOf({ ...quiet, troubles: [long] })).not.toContain("read-late");
  });

  test("J6: in which an input lies there that another posted to who has the session is seen", () => {
    const stored = good.journals.get(sessionId) ?? [];
    const accepted = stored.map(openEvent).findIndex(({ header }) => header.type === "run.accepted");
    const header = openEvent(stored[accepted] ?? expect.fail("no input")).header;
    const runId = header.type === "run.accepted" ? header.runId : null;
    const input = { sessionId, by: "y", at: 10, kind: "input", runId, key: "k" };
    const holder = { sessionId, writer: "x", epoch: 1, events: [] };
    const read = { ...holder, atMs: 9_000, events: stored.slice(accepted, accepted + 1) };
    const lying = { ...good, written: [{ ...holder, atMs: 5 }, read], posted: [input], troubles: [] };
    expect(rulesOf(lying)).toContain("read-late");
    const gone = { ...holder, atMs: 900, isLet: true };
    expect(rulesOf({ ...lying, written: [{ ...holder, atMs: 5 }, gone, read] })).not.toContain("read-late");
    // In its own process it is noticed when it is handed in again: of the first time there may be no answer.
    const own = { ...input, by: "x" };
    expect(rulesOf({ ...lying, posted: [own] })).not.toContain("read-late");
    const again = { ...own, kind: "duplicate", runId: "run_other" };
    expect(rulesOf({ ...lying, posted: [own, again] })).toContain("read-late");
    const trouble = { by: "x", kind: "stopped", fromMs: 3_000, untilMs: 3_001 } as const;
    expect(rulesOf({ ...lying, troubles: [trouble] })).not.toContain("read-late");
  });

  test("J3 S1 O1: in which a model heeds, a tool is told, or a call took, something else is seen", () => {
    const visits = good.visits?.filter((one) => one.sessionId === sessionId) ?? [];
    const forged = (change: Partial<ModelVisit>): readonly Rule[] =>
      rulesOf({ ...good, visits: visits.map((one) => ({ ...one, ...change })) });
    expect(forged({ settings: { temperature: 77 } })).toEqual(["settings-wrong"]);
    expect(forged({ textMs: 1_000_000 })).toEqual(["duration-wrong"]);
    const effects = good.effects.map((one) =>
      one.sessionId === sessionId && one.kind === "entered" ? { ...one, client: "somebody" } : one,
    );
    expect(rulesOf({ ...good, effects })).toEqual(["context-wrong"]);
  });

  test("E8: in which a call costs what nobody asked for it is seen", () => {
    const price = { inputPerMTok: 30, outputPerMTok: 15 };
    expect(rulesOf({ ...good, prices: new Map([["first", price]]) })).toContain("usage-wrong");
    expect(rulesOf({ ...good, prices: new Map() })).toContain("usage-wrong");
  });

  test("S6: in which somebody would write after a later version is seen", () => {
    const stranger = {
      sessionId,
      wrote: "claim",
      after: 9,
      end: 9,
      foundEnd: 9,
      looks: 4,
      tries: 2,
    } as const;
    expect(rulesOf({ ...good, strangers: [stranger] })).toEqual(["tried-past-later"]);
  });
});
