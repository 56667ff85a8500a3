import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueTicks, everyTimetable, tickKey, within, type MissedPolicy, type Timetable } from "./schedule.ts";

const every = (everyMs: number, anchor = 0): Timetable => everyTimetable({ kind: "every", everyMs, anchor });

/** Every tick from one on, counted one by one. */
const counted = (timetable: Timetable, from: number, now: number): number[] => {
  const ticks = [from];
  for (let tick = timetable(from); tick !== null && tick <= now; tick = timetable(tick)) ticks.push(tick);
  return ticks;
};

const HOUR = 3_600_000;

describe("ticks that have come", () => {
  const now = 10 * HOUR + 5;
  const due = (policy: MissedPolicy) => dueTicks(every(HOUR), policy, { from: 3 * HOUR, now });

  it("once: the latest is run, and those before it are missed", () => {
    expect(due({ kind: "once" })).toEqual({ run: [10 * HOUR], missed: 9 * HOUR, next: 11 * HOUR });
  });

  it("skip: none that is too late is run", () => {
    expect(due({ kind: "skip", graceMs: 5 })).toMatchObject({ run: [10 * HOUR] });
    expect(due({ kind: "skip", graceMs: 4 })).toEqual({ run: [], missed: 10 * HOUR, next: 11 * HOUR });
  });

  it("all: the latest of them are run, in order, up to the bound", () => {
    expect(due({ kind: "all", most: 3 })).toEqual({
      run: [8 * HOUR, 9 * HOUR, 10 * HOUR],
      missed: 7 * HOUR,
      next: 11 * HOUR,
    });
    expect(due({ kind: "all", most: 100 })).toMatchObject({
      run: counted(every(HOUR), 3 * HOUR, now),
      missed: null,
    });
  });

  it("a clock that went back makes none come again", () => {
    const back = dueTicks(every(HOUR), { kind: "all", most: 9 }, { from: 3 * HOUR, now: 3 * HOUR });
    expect(back).toEqual({ run: [3 * HOUR], missed: null, next: 4 * HOUR });
  });

  it("the end of a schedule ends them", () => {
    const limited = within(every(HOUR), { startAt: 2 * HOUR + 1, endAt: 4 * HOUR });
    expect([limited(0), limited(3 * HOUR), limited(4 * HOUR)]).toEqual([3 * HOUR, 4 * HOUR, null]);
  });

  it("J5 each is in one look, whenever it is looked and however long nobody did", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 50_000_000 }),
        fc.array(fc.integer({ min: 1, max: 200_000_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (everyMs, waits, most) => {
          const timetable = every(everyMs, 77);
          let [from, clock] = [timetable(0) ?? 0, 0];
          const ran: number[] = [];
          for (const wait of waits) {
            clock += wait;
            if (clock < from) continue;
            const all = counted(timetable, from, clock);
            const looked = dueTicks(timetable, { kind: "all", most }, { from, now: clock });
            expect(looked.run).toEqual(all.slice(-most));
            expect(looked.missed).toBe(all.at(-most - 1) ?? null);
            expect(looked.next).toBe(timetable(clock));
            ran.push(...looked.run);
            from = looked.next ?? 0;
          }
          expect(new Set(ran).size).toBe(ran.length);
        },
      ),
    );
  });

  it("those of a year at one a second are looked at in no time", () => {
    const asked: number[] = [];
    const timetable: Timetable = (after) => {
      asked.push(after);
      return every(1_000)(after);
    };
    const year = 365 * 24 * HOUR;
    const { run } = dueTicks(timetable, { kind: "once" }, { from: 1_000, now: year });
    expect(run).toEqual([year]);
    expect(asked.length).toBeLessThan(10_000);
  });

  it("intervals count from their anchor, and the anchor itself is none", () => {
    const timetable = every(1_000, 500);
    expect([timetable(0), timetable(1_499), timetable(1_500), timetable(2_000)]).toEqual([
      1_500, 1_500, 2_500, 2_500,
    ]);
  });

  it("the name of a tick says which one of which schedule", () => {
    expect(tickKey("nightly", 5)).toBe("schedule:nightly:5");
  });
});
