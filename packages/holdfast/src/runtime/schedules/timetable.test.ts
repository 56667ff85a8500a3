import { describe, expect, it } from "vitest";
import type { Timing } from "../../core/schedule.ts";
import { timetableOf } from "./timetable.ts";

const cron = (expression: string, timeZone = "UTC"): Timing => ({ kind: "cron", expression, timeZone });

/** The ticks between two times, as ISO without what is the same everywhere. */
const ticks = (timing: Timing, from: string, to: string): string[] => {
  const timetable = timetableOf({ timing, startAt: null, endAt: null });
  const found: string[] = [];
  let tick = timetable(Date.parse(from) - 1);
  for (; tick !== null && tick < Date.parse(to); tick = timetable(tick)) {
    found.push(new Date(tick).toISOString().slice(0, 16));
  }
  return found;
};

describe("a time of day, where clocks change", () => {
  // Berlin: 2026-03-29 at 02:00 clocks go to 03:00 (01:00 UTC); 2026-10-25 at 03:00 they go to 02:00 (01:00 UTC).
  it("that does not exist is taken when clocks go forward", () => {
    expect(ticks(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28", "2026-03-31")).toEqual([
      "2026-03-28T01:30",
      "2026-03-29T01:00",
      "2026-03-30T00:30",
    ]);
  });

  it("that comes twice is taken once, the first time", () => {
    expect(ticks(cron("30 2 * * *", "Europe/Berlin"), "2026-10-24", "2026-10-27")).toEqual([
      "2026-10-24T00:30",
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
  });

  it("is the same time of day on both sides", () => {
    expect(ticks(cron("0 9 * * *", "America/New_York"), "2026-03-07T05:00Z", "2026-03-10T05:00Z")).toEqual([
      "2026-03-07T14:00",
      "2026-03-08T13:00",
      "2026-03-09T13:00",
    ]);
  });

  it("goes on every so many minutes through both", () => {
    const half = cron("*/30 * * * *", "Europe/Berlin");
    expect(ticks(half, "2026-10-25T00:00Z", "2026-10-25T02:30Z")).toHaveLength(5);
    expect(ticks(half, "2026-03-29T00:00Z", "2026-03-29T02:30Z")).toHaveLength(5);
  });

  it("moves by half an hour where clocks do", () => {
    // Lord Howe Island: 2026-10-04 at 02:00 (+10:30) clocks go to 02:30 (+11:00).
    expect(
      ticks(cron("15 2 * * *", "Australia/Lord_Howe"), "2026-10-02T12:00Z", "2026-10-05T00:00Z"),
    ).toEqual(["2026-10-02T15:45", "2026-10-03T15:30", "2026-10-04T15:15"]);
  });
});

describe("the calendar", () => {
  it("has a leap day every four years", () => {
    expect(ticks(cron("0 0 29 2 *"), "2026-01-01", "2033-01-01")).toEqual([
      "2028-02-29T00:00",
      "2032-02-29T00:00",
    ]);
  });

  it("has the last day of every month", () => {
    expect(ticks(cron("0 0 L * *"), "2028-01-01", "2028-04-01")).toEqual([
      "2028-01-31T00:00",
      "2028-02-29T00:00",
      "2028-03-31T00:00",
    ]);
  });

  it("takes a day of the month or a day of the week, where both are given", () => {
    // Fridays, and the 13th.
    expect(ticks(cron("0 0 13 * 5"), "2026-04-08", "2026-04-18")).toEqual([
      "2026-04-10T00:00",
      "2026-04-13T00:00",
      "2026-04-17T00:00",
    ]);
  });
});

const EXPRESSIONS = ["30 2 * * *", "*/20 1-3 * * *", "*/30 * * * *", "0 * * * *", "15 0 * * 0", "0 0 1 * *"];
const CHANGES = [
  ["Europe/Berlin", "2026-03-28T12:00Z"],
  ["Europe/Berlin", "2026-10-24T12:00Z"],
  ["America/New_York", "2026-10-31T16:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T00:00Z"],
  ["Africa/Cairo", "2026-04-23T12:00Z"],
] as const;

describe.each(CHANGES)("J5 in %s around %s", (timeZone, from) => {
  it.each(EXPRESSIONS)("the next tick of %s is the same from wherever it is asked for", (expression) => {
    const timetable = timetableOf({ timing: cron(expression, timeZone), startAt: null, endAt: null });
    const [start, end] = [Date.parse(from), Date.parse(from) + 40 * 3_600_000];
    const all: number[] = [];
    for (let tick = timetable(start); tick !== null && all.at(-1) !== tick && (all.at(-1) ?? 0) < end;) {
      all.push(tick);
      tick = timetable(tick);
    }
    expect(all).toEqual([...new Set(all)].toSorted((left, right) => left - right));
    for (let at = start; at < end; at += 7 * 60_000)
      expect(timetable(at)).toBe(all.find((tick) => tick > at));
  });
});
