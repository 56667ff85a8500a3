import { Cron } from "croner";
import {
  everyTimetable,
  within,
  type StoredSchedule,
  type Timetable,
  type Timing,
} from "../../core/schedule.ts";

/** When a schedule has its ticks, by its timing and its limits. */
export const timetableOf = (schedule: Pick<StoredSchedule, "timing" | "startAt" | "endAt">): Timetable =>
  within(ticksOf(schedule.timing), schedule);

const ticksOf = (timing: Timing): Timetable => {
  switch (timing.kind) {
    case "every":
      return everyTimetable(timing);
    case "at":
      return (after) => (timing.at > after ? timing.at : null);
    case "cron":
      return cronTimetable(timing);
  }
};

/**
 * By croner. Where clocks go forward, a time that does not exist is taken at the moment they do; where they go
 * back, a time of day comes once, the first time, and what comes every so many minutes goes on coming.
 *
 * @throws Error when the expression or the time zone cannot be read.
 */
const cronTimetable = ({ expression, timeZone }: Extract<Timing, { kind: "cron" }>): Timetable => {
  const cron = new Cron(expression, { timezone: timeZone, paused: true, mode: "5-or-6-parts" });
  return (after) => cron.nextRun(new Date(after))?.getTime() ?? null;
};
