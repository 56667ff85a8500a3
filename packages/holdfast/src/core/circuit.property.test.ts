import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admitCall, closedCircuit, DEFAULT_CIRCUIT, settleCircuit, type Circuit } from "./circuit.ts";

const POLICY = { ...DEFAULT_CIRCUIT, minFailures: 3, windowMs: 1_000, openMs: 100, maxOpenMs: 400 };
const FAILED = { kind: "failed", code: "TOOL_FAILED" } as const;
const OK = { kind: "ok" } as const;

const after = (circuit: Circuit, outcome: typeof FAILED | typeof OK, now: number): Circuit =>
  settleCircuit(circuit, POLICY, { outcome, now });

const failedTimes = (times: number, now = 0): Circuit => {
  let circuit = closedCircuit(0);
  for (let index = 0; index < times; index += 1) circuit = after(circuit, FAILED, now);
  return circuit;
};

describe("a circuit", () => {
  it("E7 opens when enough of the last calls failed, and says until when and why", () => {
    expect(failedTimes(2).kind).toBe("closed");
    const open = failedTimes(3);
    expect(open).toEqual({ kind: "open", until: 100, openings: 1, code: "TOOL_FAILED" });
    expect(admitCall(open, { now: 99, probeMs: 50 })).toEqual({
      isAdmitted: false,
      retryAt: 100,
      code: "TOOL_FAILED",
    });
  });

  it("E7 stays closed where most calls work, and forgets what failed long ago", () => {
    let mixed = closedCircuit(0);
    for (let index = 0; index < 30; index += 1) {
      mixed = after(mixed, OK, index);
      mixed = after(mixed, OK, index);
      mixed = after(mixed, FAILED, index);
    }
    expect(mixed.kind).toBe("closed");
    expect(after(after(failedTimes(2), FAILED, 2_500), FAILED, 2_500).kind).toBe("closed");
    // Of the window before it counts: it does not lose its weight in the moment in which one ends.
    expect(after(failedTimes(2), FAILED, 1_200).kind).toBe("open");
  });

  it("E7 lets one call try it when it is time, and the others wait for that", () => {
    const open = failedTimes(3);
    const probe = admitCall(open, { now: 100, probeMs: 50 });
    if (!probe.isAdmitted) throw new TypeError("the probe was held back");
    expect(admitCall(probe.circuit, { now: 149, probeMs: 50 }).isAdmitted).toBe(false);
    // A probe of which nothing is heard is followed by another.
    expect(admitCall(probe.circuit, { now: 150, probeMs: 50 }).isAdmitted).toBe(true);
    expect(after(probe.circuit, OK, 120)).toEqual(closedCircuit(120));
    expect(after(probe.circuit, FAILED, 120)).toMatchObject({ kind: "open", until: 320, openings: 2 });
  });

  it("E7 stays open for longer each time, up to a limit, and what was begun before tells nothing new", () => {
    let circuit = failedTimes(3);
    const lasted: number[] = [];
    for (let now = 0, index = 0; index < 5; index += 1) {
      if (circuit.kind !== "open") throw new TypeError("it is not open");
      expect(after(circuit, OK, now)).toBe(circuit);
      expect(after(circuit, FAILED, now)).toBe(circuit);
      lasted.push(circuit.until - now);
      now = circuit.until;
      const probe = admitCall(circuit, { now, probeMs: 50 });
      if (!probe.isAdmitted) throw new TypeError("the probe was held back");
      circuit = after(probe.circuit, FAILED, now);
    }
    expect(lasted).toEqual([100, 200, 400, 400, 400]);
  });

  it("E7 never holds back for longer than its limit, whatever happens", () => {
    const step = fc.record({
      wait: fc.nat(300),
      outcome: fc.constantFrom(OK, FAILED, { kind: "neither" } as const),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let circuit = closedCircuit(0);
        let now = 0;
        for (const { wait, outcome } of steps) {
          now += wait;
          const admission = admitCall(circuit, { now, probeMs: 50 });
          if (!admission.isAdmitted) {
            expect(admission.retryAt - now).toBeLessThanOrEqual(POLICY.maxOpenMs);
            expect(admission.retryAt).toBeGreaterThan(now);
            continue;
          }
          circuit = settleCircuit(admission.circuit, POLICY, { outcome, now });
        }
      }),
    );
  });
});
