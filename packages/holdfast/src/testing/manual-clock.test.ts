import { describe, expect, it } from "vitest";
import { createManualClock } from "./manual-clock.ts";

describe("a manual clock", () => {
  it("fires timers in the order they are due, each at its own time", async () => {
    const clock = createManualClock({ now: 1_000 });
    const seen: [string, number][] = [];
    const note = (name: string) => () => void seen.push([name, clock.now()]);
    clock.startTimer(30, note("c"));
    clock.startTimer(10, note("a"));
    clock.startTimer(10, note("b"));
    clock.startTimer(40, note("late"));
    await clock.advance(35);
    expect(seen).toEqual([
      ["a", 1_010],
      ["b", 1_010],
      ["c", 1_030],
    ]);
    expect([clock.now(), clock.monotonicMs(), clock.pendingTimers]).toEqual([1_035, 35, 1]);
  });

  it("fires timers that timers started, when they are due within the same step", async () => {
    const clock = createManualClock();
    const seen: number[] = [];
    const again = (): void => {
      seen.push(clock.monotonicMs());
      clock.startTimer(10, again);
    };
    clock.startTimer(10, again);
    await clock.advance(45);
    expect(seen).toEqual([10, 20, 30, 40]);
  });

  it("lets promises run between timers, however long their chains are", async () => {
    const clock = createManualClock();
    const seen: string[] = [];
    const chain = async (): Promise<void> => {
      for (let step = 0; step < 200; step += 1) await Promise.resolve();
      seen.push("chain");
    };
    clock.startTimer(1, () => void chain());
    clock.startTimer(2, () => void seen.push("second"));
    await clock.advance(2);
    expect(seen).toEqual(["chain", "second"]);
  });

  it("does not fire what was stopped", async () => {
    const clock = createManualClock();
    let fired = 0;
    const timer = clock.startTimer(5, () => void (fired += 1));
    clock.startTimer(1, () => timer.stop());
    await clock.advance(100);
    expect(fired).toBe(0);
  });

  it("jumps without firing anything", () => {
    const clock = createManualClock({ now: 50 });
    clock.startTimer(5, () => {});
    clock.jump(-20);
    expect([clock.now(), clock.monotonicMs(), clock.pendingTimers]).toEqual([30, 0, 1]);
  });

  it("gives the same ids and bytes for the same seed, others for another", () => {
    const draw = (seed: number) => {
      const clock = createManualClock({ seed });
      return [clock.newId(), Buffer.from(clock.randomBytes(16)).toString("hex"), clock.newId()];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const [first = "", , second = ""] = draw(7);
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(first < second).toBe(true);
  });
});
