import { beforeAll, describe, expect, test } from "vitest";
import { openEvent } from "../../../core/journal-codec.ts";
import { checkHistory } from "./history-checker.ts";
import type { Activity, History, Moment } from "./history.ts";
import type { Rule } from "./rules.ts";
import { simulate } from "../../simulation/simulate.ts";

/** Of a healthy process, in a run that was neither cancelled nor out of time. */
type Told = {
  readonly activity: Activity;
  readonly began: Moment;
  readonly by: string;
  readonly runId: string;
};

const toldIn = (history: History): readonly Told[] =>
  (history.activities ?? []).flatMap((activity) => {
    const { by, began, ended, sessionId, callId, attempt } = activity;
    const events = (history.journals.get(sessionId) ?? []).map(openEvent);
    const start = events.find(
      ({ header }) =>
        header.type === "tool-call.started" && header.callId === callId && header.attempt === attempt,
    );
    if (by === undefined || began === undefined || ended === null || start === undefined) return [];
    if (start.header.type !== "tool-call.started") return [];
    return [{ activity, began, by, runId: start.header.runId }];
  });

describe("a history", () => {
  let good: History;
  let told: Told;
  let troubled: NonNullable<History["troubles"]> = [];
  const LATER: Moment = { order: Number.MAX_SAFE_INTEGER, ms: 10_000_000 };

  beforeAll(async () => {
    const { history, violations } = await simulate({ seed: 4 });
    expect(violations).toEqual([]);
    good = { ...history, troubles: [] };
    troubled = history.troubles ?? [];
    const [first] = toldIn(history);
    if (first === undefined) throw new TypeError("no tool was at work");
    told = first;
  }, 60_000);

  const rulesOf = (history: History): readonly Rule[] => checkHistory(history).map(({ rule }) => rule);
  const sessionOf = (): string => told.activity.sessionId;
  /** The tool went on for far too long. */
  const lasting = (): History => ({
    ...good,
    activities: (good.activities ?? []).map((one) =>
      one === told.activity ? { ...one, until: 10_000_000_000_000, ended: LATER } : one,
    ),
  });

  test("E5: in which something runs on after its cancel has returned is seen", () => {
    const at = { order: told.began.order, ms: told.began.ms };
    const stops = [{ sessionId: sessionOf(), runId: told.runId, by: told.by, at }];
    expect(rulesOf({ ...good, stops })).toContain("not-stopped");
    expect(rulesOf({ ...good, stops: [{ ...stops[0], at: LATER } as never] })).not.toContain("not-stopped");
  });

  test("E5: in which a holder does not heed a cancel that was posted elsewhere is seen", () => {
    const cancel = { sessionId: sessionOf(), by: "x", kind: "cancel", runId: told.runId, key: null };
    const posted = [{ ...cancel, at: told.began.ms + 1 }];
    expect(rulesOf({ ...lasting(), posted })).toContain("not-stopped");
  });

  test("E6: in which an attempt runs on after its time is seen", () => {
    expect(rulesOf(lasting())).toContain("outlives-its-time");
    const stopped = { by: told.by, kind: "stopped", fromMs: 0, untilMs: LATER.ms } as const;
    const troubles = [...troubled, stopped];
    expect(rulesOf({ ...lasting(), troubles })).not.toContain("outlives-its-time");
  });

  test("J2: in which something runs on though its session was taken over is seen", () => {
    const taken = { sessionId: sessionOf(), writer: "x", epoch: 1_000, events: [], atMs: told.began.ms };
    const written = [...(good.written ?? []), taken];
    expect(rulesOf({ ...lasting(), written })).toContain("outlives-its-holder");
  });

  test("J2: in which something runs on though its session was let go is seen", () => {
    const gone = { sessionId: sessionOf(), writer: told.by, epoch: 1, events: [], atMs: told.began.ms + 1 };
    // It was let go in truth as well, when what is made to last here had long ended.
    const others = (good.written ?? []).map((one) => ({ ...one, isLet: false }));
    const written = (isLet: boolean): History["written"] => [...others, { ...gone, isLet }];
    expect(rulesOf({ ...lasting(), written: written(true) })).toContain("let-go-at-work");
    expect(rulesOf({ ...lasting(), written: written(false) })).not.toContain("let-go-at-work");
  });

  test("S1: in which something runs on in a session that was given up is seen", () => {
    const one = { sessionId: sessionOf(), atMs: told.began.ms + 1 };
    const isSeen = (by: string): boolean =>
      checkHistory({ ...lasting(), broken: [{ ...one, by }] }).some(({ promise }) => promise === "S1");
    expect(isSeen(told.by)).toBe(true);
    expect(isSeen("x")).toBe(false);
  });

  test("J2: in which a session is taken from a healthy holder is seen", async () => {
    for (let seed = 1; seed < 40; seed += 1) {
      const { history } = await simulate({ seed });
      if (rulesOf({ ...history, troubles: [] }).includes("taken-from-the-healthy")) return;
    }
    expect.fail("nobody took over anything");
  });

  test("S5: in which a follower has not seen all is seen", () => {
    const followers = [{ subscriber: "x", sessionId: sessionOf() }];
    expect(rulesOf({ ...good, followers })).toContain("not-seen");
  });
});
