import { assertNever } from "../../core/index.ts";
import type { Schedule } from "../../runtime/index.ts";
import { duration } from "./format.ts";
import type { Style } from "./terminal.ts";

/** When a schedule has its ticks, in a few words. */
export const describeTiming = ({ timing }: Pick<Schedule, "timing">): string => {
  switch (timing.kind) {
    case "cron":
      return `${timing.expression} ${timing.timeZone}`;
    case "every":
      return `every ${duration(timing.everyMs)}`;
    case "at":
      return isoTime(timing.at);
    default:
      return assertNever(timing);
  }
};

export const describeMissed = ({ missed }: Pick<Schedule, "missed">): string => {
  switch (missed.kind) {
    case "once":
      return "the latest is run";
    case "skip":
      return `left out when later than ${duration(missed.graceMs)}`;
    case "all":
      return `all are run, ${missed.most} at most`;
    default:
      return assertNever(missed);
  }
};

export const scheduleStyle = (status: Schedule["status"]): Style | undefined =>
  status === "paused" ? "yellow" : status === "done" ? "dim" : undefined;

/** A time as it is in UTC, to the second. */
export const isoTime = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
