import { describe, expect, it } from "vitest";
import { sha256 } from "../../runtime/index.ts";
import type { Rule } from "./checker/rules.ts";
import { shrink } from "./shrink.ts";
import type { SimulateOptions, SimulationResult } from "./simulate.ts";

/** A world in which the rule breaks when all that it takes is left in. */
const play = async ({
  seed,
  steps = 70,
  sessions = 4,
  without = [],
  atMost = 60,
}: SimulateOptions): Promise<SimulationResult> => {
  const isBroken = steps >= 12 && sessions >= 2 && atMost >= 4 && !without.includes("crash");
  const kinds = (["crash", "freeze", "cancel"] as const).filter((kind) => !without.includes(kind));
  return {
    seed,
    traceHash: "",
    events: steps * sessions,
    sessions,
    faults: Math.min(atMost, 20 * kinds.length),
    faultsByKind: new Map(kinds.map((kind) => [kind, 20])),
    violations: isBroken ? [violation("write-repeated")] : steps < 5 ? [violation("run-unsettled")] : [],
    coverage: new Map(),
    trace: [],
    history: { sha256, journals: new Map(), effects: [], acknowledged: [] },
  };
};

const violation = (rule: Rule): SimulationResult["violations"][number] => ({
  rule,
  promise: "E2",
  sessionId: "",
  position: null,
  what: "",
});

describe("a seed that breaks a promise", () => {
  it("is played with less and less, as long as the same rule breaks", async () => {
    const { options, result } = await shrink(await play({ seed: 1 }), play);
    expect(options).toEqual({ seed: 1, steps: 15, sessions: 2, atMost: 5 });
    expect(result.violations[0]?.rule).toBe("write-repeated");
  });

  it("stays as it is when nothing shorter breaks the same rule", async () => {
    const first = await play({ seed: 1 });
    const whole = async (options: SimulateOptions): Promise<SimulationResult> => ({
      ...(await play({ seed: options.seed })),
      violations: Object.keys(options).length > 1 ? [violation("run-unsettled")] : first.violations,
    });
    expect(await shrink(first, whole)).toEqual({ options: { seed: 1 }, result: first });
  });
});
