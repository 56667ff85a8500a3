import { describe, expect, it } from "vitest";
import type { CallLimits } from "../ports/call-limits.ts";
import { createManualClock } from "../testing/manual-clock.ts";
import { WaitingLines } from "./waiting-lines.ts";

const LIMITS: CallLimits = {
  name: "crm",
  maxConcurrent: null,
  rate: { calls: 1, perMs: 60_000 },
  maxWaitMs: 3_600_000,
  per: null,
};
const MANY = 4_000;
const mayRefuse = true;
const wake = (): void => undefined;

/** Counts how often anybody looks at the time: once at least for every look at a line. */
const countingClock = () => {
  const clock = createManualClock();
  const looks = { count: 0 };
  const monotonicMs = (): number => {
    looks.count += 1;
    return clock.monotonicMs();
  };
  return {
    looks,
    clock: { ...clock, now: () => clock.now(), startTimer: clock.startTimer.bind(clock), monotonicMs },
  };
};

describe("waiting lines", () => {
  it("S1 of thousands of tenants are not all looked at for each that is new", () => {
    const { looks, clock } = countingClock();
    const lines = new WaitingLines(clock);
    for (let index = 0; index < MANY; index += 1)
      lines.ask({ limits: LIMITS, whose: String(index), ticket: "one", mayRefuse, wake }).leave();
    expect(lines.counts()).toEqual([{ name: "crm", underWay: 0, waiting: 0 }]);
    expect(looks.count).toBeLessThan(30 * MANY);
    lines.close();
  });

  it("S1 of tenants that are gone are forgotten", async () => {
    const { looks, clock } = countingClock();
    const lines = new WaitingLines(clock);
    const come = (name: string): void => {
      for (let index = 0; index < MANY; index += 1)
        lines
          .ask({
            limits: { ...LIMITS, rate: null, maxConcurrent: 1 },
            whose: `${name} ${index}`,
            ticket: "one",
            mayRefuse,
            wake,
          })
          .leave();
    };
    come("first");
    looks.count = 0;
    lines.counts();
    // Each line is looked at once: there are not many left.
    expect(looks.count).toBeLessThan(300);
    lines.close();
  });
});
