import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextBegin, stillCounting, type Begun, type Rate } from "./rate.ts";

const aRate = fc.record({ calls: fc.integer({ min: 1, max: 6 }), perMs: fc.integer({ min: 1, max: 50 }) });

/** Each begins as soon as it may, where they come at these times, each so much after the one before. */
const play = (rate: Rate, gaps: readonly number[]): readonly number[] => {
  let begun: Begun = [];
  let now = 0;
  const times: number[] = [];
  for (const gap of gaps) {
    now += gap;
    begun = stillCounting(begun, rate, now);
    const at = nextBegin(begun, rate, { now, ahead: 0 });
    now = Math.max(now, at);
    begun = [...stillCounting(begun, rate, now), now];
    times.push(now);
  }
  return times;
};

describe("a rate", () => {
  it("E7 is never passed in any stretch of time, and nothing waits longer than it has to", () => {
    fc.assert(
      fc.property(aRate, fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 40 }), (rate, gaps) => {
        const times = play(rate, gaps);
        times.forEach((at, index) => {
          const before = times[index - rate.calls];
          if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(rate.perMs);
          const came = (times[index - 1] ?? 0) + (gaps[index] ?? 0);
          expect(at).toBe(before === undefined ? came : Math.max(came, before + rate.perMs));
        });
      }),
    );
  });

  it("E7 says when it is the turn of one behind others", () => {
    fc.assert(
      fc.property(
        aRate,
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }),
        fc.integer({ min: 0, max: 20 }),
        (rate, gaps, ahead) => {
          const times = play(rate, gaps);
          const now = times.at(-1) ?? 0;
          const begun = stillCounting(times, rate, now);
          const rest = play(rate, [...gaps, ...Array.from({ length: ahead + 1 }, () => 0)]);
          expect(nextBegin(begun, rate, { now, ahead })).toBe(rest.at(-1));
        },
      ),
    );
  });
});
