import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DEFAULT_MODEL_RETRY,
  DEFAULT_TOOL_RETRY,
  nextAttemptAt,
  unitFromSeed,
  type RetryPolicy,
} from "./retry-policy.ts";

const policy: RetryPolicy = { maxAttempts: 20, initialDelayMs: 100, maxDelayMs: 1_000 };
const DAY_MS = 86_400_000;

const delay = (
  attempt: number,
  more: { readonly retryAfterMs?: number; readonly seed?: string } = {},
): number => {
  const at = nextAttemptAt(policy, attempt, { now: 5_000, seed: "s", ...more });
  return at === null ? Number.NaN : at - 5_000;
};

describe("the time of the next attempt", () => {
  test.each([1, 2, 3, 4, 7])(
    "E7: there is none after as many attempts as the policy allows: %i",
    (maxAttempts) => {
      const limited = { ...policy, maxAttempts };
      const times = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) =>
        nextAttemptAt(limited, attempt, { now: 0, seed: "s" }),
      );
      expect(times.filter((time) => time !== null)).toHaveLength(maxAttempts - 1);
    },
  );

  test("E7: doubles from attempt to attempt up to the cap, the upper half of it by chance", () => {
    for (const [attempt, cap] of [
      [1, 100],
      [2, 200],
      [3, 400],
      [4, 800],
      [5, 1_000],
      [12, 1_000],
    ] as const) {
      const delays = Array.from({ length: 200 }, (_, index) => delay(attempt, { seed: `session-${index}` }));
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(cap / 2);
      expect(Math.max(...delays)).toBeLessThanOrEqual(cap);
      expect(new Set(delays).size).toBeGreaterThan(cap / 10);
    }
  });

  test("E7: is never before the server asked for, and not after a day: then there is none", () => {
    expect(delay(1, { retryAfterMs: 30_000 })).toBe(30_000);
    expect(delay(1, { retryAfterMs: 1 })).toBeGreaterThanOrEqual(50);
    expect(delay(1, { retryAfterMs: DAY_MS })).toBe(DAY_MS);
    for (const retryAfterMs of [DAY_MS + 1, Infinity]) {
      expect(nextAttemptAt(policy, 1, { now: 0, seed: "s", retryAfterMs })).toBeNull();
    }
  });

  test("J3: is a whole number whatever the server said", () => {
    for (const retryAfterMs of [NaN, -5, 0.25, 1_234.5, undefined]) {
      const at = nextAttemptAt(policy, 1, { now: 5_000, seed: "s", retryAfterMs });
      expect(Number.isInteger(at)).toBe(true);
      expect(at).toBeGreaterThan(5_000);
    }
  });

  test("is a whole number that is not before now, for every policy", () => {
    const any = fc.record({
      maxAttempts: fc.constant(1_000_000),
      initialDelayMs: fc.nat({ max: 10 ** 7 }),
      maxDelayMs: fc.nat({ max: 10 ** 9 }),
    });
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 10_000 }), fc.string(), (each, attempt, seed) => {
        const at = nextAttemptAt(each, attempt, { now: 1_000, seed });
        expect(Number.isSafeInteger(at)).toBe(true);
        expect(at).toBeGreaterThanOrEqual(1_000);
        expect(at).toBeLessThanOrEqual(1_000 + each.maxDelayMs + 1);
      }),
    );
  });

  test("J3: is the same wherever it is computed, and another for another attempt or session", () => {
    expect(delay(5)).toBe(delay(5));
    expect(delay(5)).not.toBe(delay(6));
    expect(delay(5, { seed: "a" })).not.toBe(delay(5, { seed: "b" }));
  });

  test("has defaults that try more than once", () => {
    for (const each of [DEFAULT_MODEL_RETRY, DEFAULT_TOOL_RETRY]) {
      expect(nextAttemptAt(each, 1, { now: 0, seed: "s" })).toBeGreaterThan(0);
      expect(nextAttemptAt(each, each.maxAttempts, { now: 0, seed: "s" })).toBeNull();
    }
  });
});

describe("chance from a seed", () => {
  test("is spread over [0, 1)", () => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 10_000; index += 1) {
      const slot = Math.floor(unitFromSeed(`session-${index}:4:1`) * 10);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10_000);
    expect(counts).toHaveLength(10);
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  });

  test("is never 1 and never less than 0", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (seed) => {
        const unit = unitFromSeed(seed);
        expect(unit >= 0 && unit < 1).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
