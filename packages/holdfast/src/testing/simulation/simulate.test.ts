import { describe, expect, it } from "vitest";
import { simulate } from "./simulate.ts";

const SEEDS = Array.from({ length: 50 }, (_, index) => index + 1);
const BATCH = 10;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? 0;

describe("a simulated world", () => {
  const batches = SEEDS.filter((seed) => seed % BATCH === 1);

  it.each(batches)(
    "E1 E2 E3 E5 J1 J2 J4 J5 J6 S3 S5: breaks no promise, ten seeds from %i",
    async (first) => {
      const events: number[] = [];
      for (let seed = first; seed < first + BATCH; seed += 1) {
        const result = await simulate({ seed });
        expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
        expect(result.sessions).toBeGreaterThanOrEqual(3);
        expect(result.faults).toBeGreaterThanOrEqual(5);
        events.push(result.events);
      }
      expect(median(events)).toBeGreaterThan(150);
    },
  );

  it("is the same for the same seed, and another for another", async () => {
    const [once, again, other] = [
      await simulate({ seed: 7 }),
      await simulate({ seed: 7 }),
      await simulate({ seed: 8 }),
    ];
    expect(again.traceHash).toBe(once.traceHash);
    expect(other.traceHash).not.toBe(once.traceHash);
  });
});
