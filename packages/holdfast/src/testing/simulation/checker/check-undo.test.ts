import { beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../../core/hash-chain.ts";
import type { EventHeader, HeaderOf, JournalEvent } from "../../../core/event.ts";
import { openEvent, sealEvent } from "../../../core/journal-codec.ts";
import { sha256 } from "../../../runtime/index.ts";
import { simulate } from "../../simulation/simulate.ts";
import { checkHistory } from "./history-checker.ts";
import type { History } from "./history.ts";
import type { Rule } from "./rules.ts";
import { eventsOf } from "./session-history.ts";

const seal = (events: readonly JournalEvent[]): readonly StoredEvent[] => {
  let end = { position: 0, hash: GENESIS_HASH, at: 0 };
  return events.map(({ header, payload, epoch, at }) => {
    const salt = (): Uint8Array => new Uint8Array(32);
    const { stored } = sealEvent({ ...end, at: 0 }, { header, payload }, { sha256, epoch, now: at, salt });
    end = { position: stored.position, hash: stored.hash, at };
    return stored;
  });
};

const isFailed = (header: EventHeader): header is HeaderOf<"run.failed"> =>
  header.type === "run.failed" && (header.undo?.undone.length ?? 0) > 1;

const isForgotten = (events: readonly JournalEvent[]): boolean =>
  events.some(({ payload, content }) => content !== null && payload === null);

/** Whether the world saw the first undone call and its undo, and no person had to say what became of it. */
const isSeen = (
  { undo }: HeaderOf<"run.failed">,
  events: readonly JournalEvent[],
  { effects }: History,
): boolean => {
  const first = undo?.undone[0]?.callId ?? "";
  return (
    eventsOf(events, "tool-call.resolved").every(({ header }) => header.callId !== first) &&
    eventsOf(events, "tool-call.completed").some(({ header }) => header.callId === first) &&
    effects.some(({ callId, kind }) => callId === `undo_${first}` && kind === "entered")
  );
};

describe("a history in which a run was undone", () => {
  let good: History = { sha256, journals: new Map(), effects: [], acknowledged: [] };
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];
  let end: HeaderOf<"run.failed"> | null = null;

  beforeAll(async () => {
    for (let seed = 1; sessionId === ""; seed += 1) {
      const { history, violations } = await simulate({ seed });
      if (violations.length > 0) continue;
      for (const [id, stored] of history.journals) {
        const events = stored.map(openEvent);
        const last = events.map(({ header }) => header).find(isFailed);
        if (last === undefined || isForgotten(events) || !isSeen(last, events, history)) continue;
        [good, sessionId, journal, end] = [history, id, events, last];
      }
    }
  }, 120_000);

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(
      checkHistory(history)
        .filter((one) => one.sessionId === sessionId && one.promise === "E10")
        .map(({ rule }) => rule),
    ),
  ];

  const forged = (forge: (events: readonly JournalEvent[]) => readonly JournalEvent[]): readonly Rule[] =>
    rulesOf({ ...good, journals: new Map([[sessionId, seal(forge(journal))]]) });

  const undone = (): readonly string[] => (end?.undo?.undone ?? []).map(({ callId }) => callId);

  /** Everything of the run that is about undoing this call. */
  const isOf =
    (callId: string) =>
    ({ header }: JournalEvent): boolean =>
      (header.type === "undo.requested" && header.undoes === callId) ||
      ("callId" in header && header.callId === `undo_${callId}`);

  const withHeader = (is: (header: EventHeader) => boolean, change: (header: EventHeader) => EventHeader) =>
    forged((events) =>
      events.map((event) => (is(event.header) ? { ...event, header: change(event.header) } : event)),
    );

  test("E10: as it was played is in order, sealed anew or not", () => {
    expect(rulesOf(good)).toEqual([]);
    expect(forged((events) => events)).toEqual([]);
  });

  test("E10: in which a call is not undone, and it says that it was, is seen", () => {
    const [first = ""] = undone();
    expect(forged((events) => events.filter((event) => !isOf(first)(event)))).toContain("undo-missing");
  });

  test("E10: in which calls are undone in another order is seen", () => {
    const [first = "", second = ""] = undone();
    const before = forged((events) => {
      const [one, two] = [events.filter(isOf(first)), events.filter(isOf(second))];
      const from = events.findIndex(isOf(first));
      const rest = events.filter((event) => !isOf(first)(event) && !isOf(second)(event));
      return rest.toSpliced(from, 0, ...two, ...one);
    });
    expect(before).toContain("undo-wrong");
  });

  test("E10: in which a call is undone twice, or before its run has failed, is seen", () => {
    const [first = ""] = undone();
    const again = forged((events) => {
      const all = events.filter(isOf(first));
      const last = events.findLastIndex(isOf(first));
      return events.toSpliced(last + 1, 0, ...all);
    });
    expect(again).toContain("undo-wrong");
    const undecided = forged((events) =>
      events.filter(({ header }) => header.type !== "run.undoing" || header.runId !== end?.runId),
    );
    expect(undecided).toContain("undo-wrong");
  });

  test("E10: in which something else begins while a run is undone is seen", () => {
    const [first = ""] = undone();
    const start = eventsOf(journal, "tool-call.started").find(({ header }) => header.callId === first);
    const begun = forged((events) => {
      const from = events.findIndex(isOf(first));
      return start === undefined ? events : events.toSpliced(from, 0, start);
    });
    expect(begun).toContain("undo-wrong");
  });

  test("E10: in which somebody is asked whether a call may be undone is seen", () => {
    const [first = ""] = undone();
    const asked = forged((events) => {
      const from = events.findIndex(
        ({ header }) => header.type === "undo.requested" && header.undoes === first,
      );
      const about = events[from];
      const header: EventHeader = {
        type: "approval.requested",
        runId: end?.runId ?? "",
        callId: `undo_${first}`,
        ask: 1,
        hash: "h",
        rule: "r",
        expiresAt: null,
        terms: { quorum: 1, levels: [], requester: null, onTimeout: "reject", mayRemember: false },
      };
      return about === undefined
        ? events
        : events.toSpliced(from + 1, 0, { ...about, header, payload: null });
    });
    expect(asked).toContain("undo-wrong");
  });

  test("E10: in which a run is undone that keeps what it did is seen", () => {
    const kept = withHeader(
      (header) => header.type === "run.started",
      (header) =>
        header.type === "run.started"
          ? { ...header, settings: { ...header.settings, whenFailed: "keep" } }
          : header,
    );
    expect(kept).toContain("undo-wrong");
  });

  test("E10: whose end says something else than what was undone is seen", () => {
    expect(withHeader(isFailed, (header) => (isFailed(header) ? { ...header, undo: null } : header))).toEqual(
      ["undo-missing"],
    );
  });

  test("E10: in which what never took place is undone, or another call in its place, is seen", () => {
    const [first = ""] = undone();
    const effects = good.effects.filter((one) => one.callId !== first);
    expect(rulesOf({ ...good, effects })).toContain("undo-wrong");
    const others = good.effects.map((one) =>
      one.callId === `undo_${first}` && one.kind === "entered"
        ? { ...one, input: { ...(one.input as object), output: { done: "another" } } }
        : one,
    );
    expect(rulesOf({ ...good, effects: others })).toContain("undo-wrong");
  });
});
