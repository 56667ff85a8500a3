import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admitCall, closedCircuit, DEFAULT_CIRCUIT, settleCircuit, type Circuit } from "./circuit.ts";

const POLICY = { ...DEFAULT_CIRCUIT, minFailures: 3, windowMs: 1_000, openMs: 100, maxOpenMs: 400 };
const FAILED = { kind: "failed", code: "TOOL_FAILED" } as const;
const OK = { kind: "ok" } as const;

const after = (circuit: Circuit, outcome: typeof FAILED | typeof OK, now: number): Circuit =>
  settleCircuit(circuit, POLICY, { outcome, now, call: "call" });

const admit = (circuit: Circuit, now: number, call = "call") =>
  admitCall(circuit, POLICY, { now, call, probeMs: 50 });

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
    expect(admit(open, 99)).toEqual({
      isAdmitted: false,
      retryAt: 100,
      code: "TOOL_FAILED",
      isTried: false,
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
    const probe = admit(open, 100);
    if (!probe.isAdmitted) throw new TypeError("the probe was held back");
    expect(admit(probe.circuit, 149, "other").isAdmitted).toBe(false);
    // The same call is the probe also when its start has to be stored once more.
    expect(admit(probe.circuit, 149)).toEqual(probe);
    // A probe of which nothing is heard is followed by another.
    expect(admit(probe.circuit, 150, "other").isAdmitted).toBe(true);
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
      const probe = admit(circuit, now);
      if (!probe.isAdmitted) throw new TypeError("the probe was held back");
      circuit = after(probe.circuit, FAILED, now);
    }
    expect(lasted).toEqual([100, 200, 400, 400, 400]);
  });

  it("E7 is decided by the call that tries it alone, and tried again when that found nothing out", () => {
    const probe = admit(failedTimes(3), 100, "probe");
    if (!probe.isAdmitted) throw new TypeError("the probe was held back");
    expect(after(probe.circuit, OK, 120)).toBe(probe.circuit);
    expect(after(probe.circuit, FAILED, 120)).toBe(probe.circuit);
    const neither = settleCircuit(probe.circuit, POLICY, {
      outcome: { kind: "neither" },
      now: 120,
      call: "probe",
    });
    expect(neither).toMatchObject({ kind: "open", until: 120, openings: 1 });
    expect(admit(neither, 120, "next").isAdmitted).toBe(true);
  });

  it("E7 is not held back by a clock that was ahead when it opened", () => {
    const open = failedTimes(3, 86_400_000);
    expect(admit(open, 0).isAdmitted).toBe(true);
  });

  it("E7 forgets what failed long ago also when the clock was set back meanwhile", () => {
    let circuit = closedCircuit(86_400_000);
    for (let now = 0; now < 60_000; now += 3_000) circuit = after(circuit, FAILED, now);
    expect(circuit.kind).toBe("closed");
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
          const admission = admit(circuit, now);
          if (!admission.isAdmitted) {
            expect(admission.retryAt - now).toBeLessThanOrEqual(POLICY.maxOpenMs);
            expect(admission.retryAt).toBeGreaterThan(now);
            continue;
          }
          circuit = settleCircuit(admission.circuit, POLICY, { outcome, now, call: "call" });
        }
      }),
    );
  });
});
