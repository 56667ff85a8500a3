import { describe, expect, it } from "vitest";
import { parseHttpDate } from "./http-date.ts";
import { parseRetryAfter } from "./retry-after.ts";

describe("a date of HTTP", () => {
  it.each([
    ["as it is written today", "Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000],
    ["as RFC 850 wrote it", "Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777_000],
    ["as C writes it", "Sun Nov  6 08:49:37 1994", 784_111_777_000],
    ["as C writes it late in a month", "Wed Nov 16 08:49:37 1994", 784_975_777_000],
    ["with two digits of this century", "Sunday, 29-Nov-26 00:00:00 GMT", 1_795_910_400_000],
    ["with spaces around", " Sun, 06 Nov 1994 08:49:37 GMT ", 784_111_777_000],
    ["at the epoch", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["before the epoch", "Wed, 31 Dec 1969 23:59:59 GMT", -1_000],
    ["on a leap day", "Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000],
    ["on the last of a year", "Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799_000],
    ["after a February without a leap day", "Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400_000],
    ["with a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800_000],
  ])("is read %s", (_how, text, at) => {
    expect(parseHttpDate(text)).toBe(at);
  });

  it.each([
    undefined,
    null,
    "",
    "soon",
    "-5",
    "2026",
    "2026-11-29T10:00:00Z",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Now 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 32 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  ])("is nothing else: %s", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });
});

describe("what a server asks for by Retry-After", () => {
  const now = 784_111_777_000;

  it.each([
    ["seconds", "120", 120_000],
    ["no seconds", "0", 0],
    ["parts of a second", "0.0005", 1],
    ["seconds with spaces around", " 7 ", 7_000],
    ["more seconds than there will be", "9".repeat(400), Number.MAX_SAFE_INTEGER],
    ["a date", "Sun, 06 Nov 1994 08:49:42 GMT", 5_000],
    ["a date of the old form", "Sunday, 06-Nov-94 08:49:42 GMT", 5_000],
    ["a date that is over", "Sat, 05 Nov 1994 08:49:37 GMT", 0],
    ["a negative number", "-3", undefined],
    ["a number in another notation", "1e3", undefined],
    ["a number in another base", "0x10", undefined],
    ["two numbers", "1, 2", undefined],
    ["a word", "soon", undefined],
    ["a date of another form", "1994-11-06T08:49:42Z", undefined],
    ["nothing", "", undefined],
    ["no header", null, undefined],
    ["no header at all", undefined, undefined],
  ])("E7 is read from %s", (_what, header, delayMs) => {
    expect(parseRetryAfter(header, now)).toBe(delayMs);
  });

  it("E7 is read from seconds alone where nobody knows the time", () => {
    expect(parseRetryAfter("120", undefined)).toBe(120_000);
    expect(parseRetryAfter("Sun, 06 Nov 1994 08:49:42 GMT", undefined)).toBeUndefined();
  });
});
