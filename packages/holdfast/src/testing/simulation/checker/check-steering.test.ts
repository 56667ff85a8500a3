import { beforeAll, describe, expect, test } from "vitest";
import { openEvent } from "../../../core/journal-codec.ts";
import { simulate } from "../../simulation/simulate.ts";
import { checkHistory } from "./history-checker.ts";
import type { Acknowledged, History } from "./history.ts";
import type { Rule } from "./rules.ts";
import { eventsOf } from "./session-history.ts";

type Input = Acknowledged & { readonly kind: "input" };

describe("a history in which inputs steer and interrupt", () => {
  let good: History;

  beforeAll(async () => {
    for (let seed = 1; good === undefined && seed < 300; seed += 1) {
      const { history, violations } = await simulate({ seed });
      const events = [...history.journals.values()].flat().map(openEvent);
      const isFit = eventsOf(events, "run.steered").length > 0 && (history.erasures ?? []).length === 0;
      const interrupts = eventsOf(events, "run.accepted").some(({ header }) => header.isNext);
      const isPaused = events.some(({ header }) => header.type === "session.paused");
      if (isFit && interrupts && !isPaused && violations.length === 0) good = history;
    }
    expect(good).toBeDefined();
  }, 60_000);

  const rulesOf = (history: History): readonly Rule[] => [
    ...new Set(checkHistory(history).map((violation) => violation.rule)),
  ];

  /** As if its senders had wanted something else. */
  const wanted = (was: Input["whenActive"], whenActive: Input["whenActive"]): History => ({
    ...good,
    acknowledged: good.acknowledged.map((one) =>
      one.kind === "input" && one.whenActive === was
        ? { ...one, ...(whenActive === undefined ? {} : { whenActive }) }
        : one,
    ),
  });

  test("S4: that is as it was wanted is right", () => {
    expect(rulesOf(good)).toEqual([]);
  });

  test("S4: in which what was to wait joined a run is seen", () => {
    expect(rulesOf(wanted("steer", "queue"))).toEqual(["steered-wrong"]);
  });

  test("S4: in which what was to interrupt waited is seen", () => {
    expect(rulesOf(wanted("steer", "interrupt"))).toContain("steered-wrong");
  });

  test("S4: in which what was to wait interrupted is seen", () => {
    expect(rulesOf(wanted("interrupt", "queue"))).toEqual(["steered-wrong"]);
  });

  test("E5 S3: in which something starts after it was stopped, or in a pause, is seen", () => {
    const [sessionId, stored] = [...good.journals].find(([, events]) =>
      events.some(({ header }) => header.includes("tool-call.started")),
    ) ?? ["", []];
    const [start] = eventsOf(stored.map(openEvent), "tool-call.started");
    const durable = (start?.position ?? 0) - 1;
    const stop = { kind: "cancel-call", sessionId, callId: start?.header.callId ?? "", durable } as const;
    const lifted = stored.map(openEvent).some(({ header }) => header.type === "session.resumed");
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, stop] })).toEqual([
      "started-after-cancel",
    ]);
    const pause = { kind: "pause", sessionId, durable } as const;
    expect(lifted).toBe(false);
    expect(rulesOf({ ...good, acknowledged: [...good.acknowledged, pause] })).toEqual([
      "started-while-paused",
    ]);
  });
});
