import type { Timestamp } from "./ids.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const MONTH = `(?<month>${MONTHS.join("|")})`;
const DAY = String.raw`(?<day>0[1-9]|[12]\d|3[01])`;
/** A minute may have a leap second. */
const TIME = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)`;
/** The way dates are written today, and the two that are still to be read; all of them in UTC. */
const FORMS = [
  RegExp(String.raw`^[A-Z][a-z]{2}, ${DAY} ${MONTH} (?<year>\d{4}) ${TIME} GMT$`),
  RegExp(String.raw`^[A-Z][a-z]{5,8}, ${DAY}-${MONTH}-(?<year>\d\d) ${TIME} GMT$`),
  RegExp(String.raw`^[A-Z][a-z]{2} ${MONTH} (?<day> [1-9]|[12]\d|3[01]) ${TIME} (?<year>\d{4})$`),
];

/** A date of an HTTP header (RFC 9110 §5.6.7), in milliseconds since the epoch; undefined for what is none. Total. */
export const parseHttpDate = (text: string | null | undefined): Timestamp | undefined => {
  const found = FORMS.map((form) => form.exec(text?.trim() ?? "")?.groups).find((each) => each !== undefined);
  if (found === undefined) return undefined;
  const part = (name: string): number => Number(found[name]);
  const year = part("year") < 100 ? ofTwoDigits(part("year")) : part("year");
  const days = daysTo({ year, month: MONTHS.indexOf(found["month"] ?? "") + 1, day: part("day") });
  return (((days * 24 + part("hour")) * 60 + part("minute")) * 60 + part("second")) * 1_000;
};

/** Two digits are of this century or of the last one, in which they went out of use. */
const ofTwoDigits = (year: number): number => (year < 70 ? 2_000 : 1_900) + year;

type CalendarDay = { readonly year: number; readonly month: number; readonly day: number };

const EPOCH_DAYS = 719_468;

/** Days from the epoch to a day. Years begin in March here, so that a leap day is the last of its year. */
const daysTo = ({ year, month, day }: CalendarDay): number => {
  const marchYear = month > 2 ? year : year - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return 365 * marchYear + leapDays + dayOfYear - EPOCH_DAYS;
};
