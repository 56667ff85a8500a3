import { beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../../core/hash-chain.ts";
import type { JournalEvent } from "../../../core/event.ts";
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

describe("a history in which a model summed up what left the window", () => {
  let good: History = { sha256, journals: new Map(), effects: [], acknowledged: [] };
  let sessionId = "";
  let journal: readonly JournalEvent[] = [];

  beforeAll(async () => {
    for (let seed = 1; sessionId === ""; seed += 1) {
      const { history, violations } = await simulate({ seed });
      if (violations.length > 0 || (history.erasures ?? []).length > 0) continue;
      for (const [id, stored] of history.journals) {
        const events = stored.map(openEvent);
        const [first] = eventsOf(events, "summary-call.completed");
        if (first === undefined || events[first.position]?.header.type !== "context.compacted") continue;
        [good, sessionId, journal] = [history, id, events];
      }
    }
  }, 120_000);

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(
      checkHistory(history)
        .filter((one) => one.sessionId === sessionId && one.rule === "summary-wrong")
        .map(({ rule }) => rule),
    ),
  ];

  const forged = (forge: (event: JournalEvent) => JournalEvent | readonly JournalEvent[]): readonly Rule[] =>
    rulesOf({ ...good, journals: new Map([[sessionId, seal(journal.flatMap(forge))]]) });

  const firstAt = (): number => eventsOf(journal, "summary-call.completed")[0]?.position ?? 0;

  test("E6: as it was played is in order, sealed anew or not", () => {
    expect(rulesOf(good)).toEqual([]);
    expect(forged((event) => event)).toEqual([]);
  });

  test("E6: in which it is not told, or another part left the window, is seen", () => {
    const untold = forged((event) =>
      event.position === firstAt() + 1 ? { ...event, payload: { summary: "Nothing much." } } : event,
    );
    expect(untold).toEqual(["summary-wrong"]);
    const other = forged((event) =>
      event.position === firstAt() + 1 && event.header.type === "context.compacted"
        ? { ...event, header: { ...event.header, dropped: event.header.dropped + 1 } }
        : event,
    );
    expect(other).toEqual(["summary-wrong"]);
  });

  test("E6: in which another model is asked, or nobody may be, is seen", () => {
    const other = forged((event) =>
      event.header.type === "summary-call.started"
        ? { ...event, header: { ...event.header, modelId: "large" } }
        : event,
    );
    expect(other).toEqual(["summary-wrong"]);
    const unset = forged((event) =>
      event.header.type === "run.started"
        ? { ...event, header: { ...event.header, settings: { ...event.header.settings, summary: null } } }
        : event,
    );
    expect(unset).toEqual(["summary-wrong"]);
  });

  test("E1: that is recorded by who did not ask for it, or is of another, is seen", () => {
    const other = forged((event) =>
      event.position === firstAt() ? { ...event, epoch: event.epoch + 1 } : event,
    );
    expect(other).toEqual(["summary-wrong"]);
    const wrong = forged((event) =>
      event.header.type === "summary-call.completed"
        ? { ...event, header: { ...event.header, startedAt: event.header.startedAt - 1 } }
        : event,
    );
    expect(wrong).toEqual(["summary-wrong"]);
  });

  test("E6: that is asked for twice is seen", () => {
    const [start] = eventsOf(journal, "summary-call.started");
    const again = forged((event) => (event === start ? [event, event] : event));
    expect(again).toEqual(["summary-wrong"]);
  });
});
