import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { charge } from "./journal-builder.fixture.ts";
import {
  addCharge,
  addUsage,
  estimateTokens,
  NO_SPEND,
  NO_USAGE,
  totalCostUsd,
  type Charge,
} from "./usage.ts";

const usage = fc.record({
  inputTokens: fc.nat(),
  cacheReadTokens: fc.nat(),
  cacheWriteTokens: fc.nat(),
  outputTokens: fc.nat(),
  reasoningTokens: fc.nat(),
});

const anyCharge: fc.Arbitrary<Charge> = fc.record({
  usage,
  costUsd: fc.option(fc.nat({ max: 1_000 })),
  isEstimate: fc.boolean(),
});

describe("usage", () => {
  test("adds up member by member, in any order", () => {
    fc.assert(
      fc.property(usage, usage, (left, right) => {
        expect(addUsage(left, right)).toEqual(addUsage(right, left));
        expect(addUsage(left, NO_USAGE)).toEqual(left);
        for (const [name, sum] of Object.entries(addUsage(left, right))) {
          expect(sum).toBe(Number(Reflect.get(left, name)) + Number(Reflect.get(right, name)));
        }
      }),
    );
  });
});

describe("spend", () => {
  test("E8: counts what was estimated and what had no price", () => {
    fc.assert(
      fc.property(fc.array(anyCharge), (charges) => {
        const spend = charges.reduce(addCharge, NO_SPEND);
        expect(spend.estimatedCalls).toBe(charges.filter((each) => each.isEstimate).length);
        expect(spend.unpricedCalls).toBe(charges.filter((each) => each.costUsd === null).length);
        expect(spend.knownCostUsd).toBe(charges.reduce((sum, each) => sum + (each.costUsd ?? 0), 0));
        expect(spend.usage).toEqual(charges.map((each) => each.usage).reduce(addUsage, NO_USAGE));
      }),
    );
  });

  test("E8: has no total as soon as one call had no price", () => {
    expect(totalCostUsd(NO_SPEND)).toBe(0);
    const priced = addCharge(NO_SPEND, charge({ costUsd: 2 }));
    expect(totalCostUsd(priced)).toBe(2);
    expect(totalCostUsd(addCharge(priced, charge({ costUsd: null })))).toBeNull();
  });
});

test("tokens are guessed at four characters each, rounded up", () => {
  expect([0, 1, 4, 5, 8].map(estimateTokens)).toEqual([0, 1, 1, 2, 2]);
});
