import { describe, expect, it } from "vitest";
import { createManualClock } from "../testing/manual-clock.ts";
import { Alarm } from "./alarm.ts";

const scene = () => {
  const clock = createManualClock();
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => rings.push(clock.monotonicMs()));
  return { clock, alarm, rings, begun: clock.monotonicMs() };
};

describe("an alarm", () => {
  it("E6 rings by the earliest time it was set for, once", async () => {
    const { clock, alarm, rings, begun } = scene();
    alarm.setBy(clock.now() + 5_000);
    alarm.setBy(clock.now() + 2_000);
    alarm.setBy(clock.now() + 9_000);
    alarm.setBy(null);
    await clock.advance(20_000);
    expect(rings).toEqual([begun + 2_000]);
  });

  it("S3 leaves no timer behind when it is stopped", async () => {
    const { clock, alarm, rings } = scene();
    alarm.setBy(clock.now() + 5_000);
    alarm.stop();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(10_000);
    expect(rings).toEqual([]);
  });

  it("E6 is put right when it was set by a clock that was wrong", async () => {
    const { clock, alarm, rings, begun } = scene();
    const at = clock.now() + 3_000;
    clock.jump(-3_600_000);
    alarm.setBy(at);
    clock.jump(3_600_000);
    alarm.setBy(at);
    await clock.advance(10_000);
    expect(rings).toEqual([begun + 3_000]);
  });
});
