import { beforeAll, describe, expect, test } from "vitest";
import { GENESIS_HASH, type StoredEvent } from "../../../core/hash-chain.ts";
import { openEvent, sealEvent } from "../../../core/journal-codec.ts";
import { sha256 } from "../../../runtime/index.ts";
import { checkHistory } from "./history-checker.ts";
import type { History } from "./history.ts";
import type { Rule } from "./rules.ts";
import { simulate } from "../../simulation/simulate.ts";

/** Who had under way what another took up, and when that was. */
type Taken = {
  readonly sessionId: string;
  readonly epoch: number;
  readonly position: number;
  readonly holder: string;
  readonly takenMs: number;
};

const takingIn = ({ journals, written = [] }: History): Taken | undefined => {
  for (const [sessionId, stored] of journals) {
    for (const { header, epoch, position } of stored.map(openEvent)) {
      if (header.type !== "session.recovered") continue;
      const commits = written.filter((one) => one.sessionId === sessionId);
      const holder = commits.find((one) => one.epoch === header.previousEpoch)?.writer;
      const takenMs = commits.find((one) => one.epoch === epoch)?.atMs;
      if (holder !== undefined && takenMs !== undefined)
        return { sessionId, epoch, position, holder, takenMs };
    }
  }
  return undefined;
};

describe("a history", () => {
  let good: History;
  let taken: Taken;

  beforeAll(async () => {
    for (let seed = 1; seed < 40; seed += 1) {
      const { history, violations } = await simulate({ seed });
      const found = takingIn(history);
      if (found === undefined || violations.length > 0) continue;
      good = history;
      taken = found;
      return;
    }
    throw new TypeError("nobody took over anything");
  }, 60_000);

  const rulesOf = (history: History): readonly Rule[] => checkHistory(history).map(({ rule }) => rule);

  test("J2: in which what the dead had under way is left until their lease runs out is seen", () => {
    const births = [{ by: "heir", atMs: 0 }];
    const freed = (msBefore: number): History => ({
      ...good,
      births,
      deaths: [{ by: taken.holder, atMs: taken.takenMs - msBefore }],
    });
    // Of this taking alone: the same process may have had more under way, which was taken up at another time.
    const isSeen = (history: History): boolean =>
      checkHistory(history).some(
        ({ rule, sessionId, position }) =>
          rule === "left-with-the-dead" && sessionId === taken.sessionId && position === taken.position,
      );
    expect(isSeen(freed(15_000))).toBe(true);
    expect(isSeen(freed(2_000))).toBe(false);
    expect(isSeen({ ...freed(15_000), births: [] })).toBe(false);
  });

  test("S3: in which nobody lets go what somebody left behind is seen", () => {
    const [sessionId = ""] = good.journals.keys();
    const left = [{ sessionId, by: "x" }];
    expect(rulesOf({ ...good, births: [{ by: "heir", atMs: 0 }], left })).toContain("held-at-rest");
    expect(rulesOf({ ...good, births: [], left })).not.toContain("held-at-rest");
  });

  test("E2: in which what was under way is taken for safe while its lease runs is seen", () => {
    const { sessionId, epoch } = taken;
    const one = { sessionId, epoch, from: "x", expiresAt: Number.MAX_SAFE_INTEGER, isKnown: true };
    expect(rulesOf({ ...good, takings: [one] })).toContain("safe-too-soon");
    expect(rulesOf({ ...good, takings: [{ ...one, isKnown: false }] })).not.toContain("safe-too-soon");
    expect(rulesOf({ ...good, takings: [{ ...one, expiresAt: 0 }] })).not.toContain("safe-too-soon");
  });

  test("J2: in which somebody lets a lease run out, and is well, is seen", () => {
    const [sessionId = ""] = good.journals.keys();
    const lapses = [{ sessionId, by: "x", heldMs: 10_000, endMs: 40_000 }];
    const stoppedAt = (fromMs: number): History => ({
      ...good,
      lapses,
      troubles: [{ by: "x", kind: "stopped", fromMs, untilMs: fromMs + 1_000 }],
    });
    expect(rulesOf(stoppedAt(12_000))).toContain("lease-left");
    expect(rulesOf(stoppedAt(30_000))).not.toContain("lease-left");
  });

  test("J2: in which a call is given up for a lease that its holder has is seen", () => {
    const [sessionId, stored] = longest(good);
    const started = stored.map(openEvent).findLast(({ header }) => header.type === "model-call.started");
    if (started?.header.type !== "model-call.started") throw new TypeError("no model was called");
    const { runId, attempt } = started.header;
    const next = { kind: "give-up" } as const;
    const { stored: end } = sealEvent(
      { position: started.position, hash: stored[started.position - 1]?.hash ?? GENESIS_HASH, at: 0 },
      {
        header: {
          type: "model-call.failed",
          runId,
          durationMs: 1,
          attempt,
          startedAt: started.position,
          code: "MODEL_CALL_LOST",
          charge: started.header.estimate,
          next,
        },
        payload: null,
      },
      { sha256, epoch: started.epoch, now: started.at, salt: () => new Uint8Array(32) },
    );
    const journal = [...stored.slice(0, started.position), end];
    const written = [{ sessionId, writer: "x", epoch: started.epoch, events: journal, atMs: 50_000 }];
    const forged: History = { ...good, written, journals: new Map([[sessionId, journal]]) };
    expect(rulesOf(forged)).toContain("given-up-in-doubt");
    const troubles = [{ by: "x", kind: "stopped", fromMs: 20_000, untilMs: 50_500 }] as const;
    expect(rulesOf({ ...forged, troubles })).not.toContain("given-up-in-doubt");
  });

  test("S3: in which a timer runs though nothing is owed is seen", () => {
    expect(good.timersLeft).toEqual([]);
    expect(rulesOf({ ...good, timersLeft: [{ by: "p1", count: 1 }] })).toEqual(["timer-left"]);
  });
});

const longest = ({ journals }: History): readonly [string, readonly StoredEvent[]] =>
  [...journals].reduce((most, one) => (one[1].length > most[1].length ? one : most));
