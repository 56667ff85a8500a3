import { describe, expect, it } from "vitest";
import { createSystemClock } from "./system-clock.ts";

describe("the system clock", () => {
  const clock = createSystemClock();

  it("fires a timer once and never before its time", async () => {
    const started = clock.monotonicMs();
    const fired: number[] = [];
    await new Promise<void>((resolve) => {
      clock.startTimer(20, () => {
        fired.push(clock.monotonicMs() - started);
        resolve();
      });
    });
    expect(fired).toHaveLength(1);
    expect(fired[0]).toBeGreaterThanOrEqual(19);
  });

  it("keeps a timer that is longer than the machine's timers can be, and stops it", async () => {
    let fired = false;
    const timer = clock.startTimer(30 * 24 * 60 * 60 * 1_000, () => (fired = true));
    await new Promise<void>((resolve) => void clock.startTimer(30, resolve));
    expect(fired).toBe(false);
    timer.stop();
  });

  it("makes ids that sort by millisecond and bytes that differ", () => {
    const ids = Array.from({ length: 50 }, () => clock.newId());
    const times = ids.map((id) => id.slice(0, 13));
    expect(times.toSorted()).toEqual(times);
    expect(new Set(ids).size).toBe(50);
    expect(clock.randomBytes(32)).toHaveLength(32);
    expect(clock.randomBytes(32)).not.toEqual(clock.randomBytes(32));
  });
});
