import { describe, expect, it } from "vitest";
import { bytes, dollars, duration, plural, relativeTime } from "./format.ts";
import { oneLine, printable, printableColoured } from "./printable.ts";
import { renderTable } from "./table.ts";
import { createTerminal, type Channel } from "./terminal.ts";
import { wrap } from "./wrap.ts";

const channelOf = (
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: NodeJS.ProcessEnv = {},
): { readonly channel: Channel; readonly written: string[] } => {
  const written: string[] = [];
  const stdout = { ...stream, write: (text: string) => written.push(text) > 0 };
  return { channel: createTerminal({ stdout, stderr: stdout }, env).out, written };
};

describe("text for a terminal", () => {
  it("never drives it: control characters are shown", () => {
    expect(printable("a\u001B]0;title\u0007b\r\nc\td\u009B2J")).toBe("a^[]0;title^Gb\nc\td�2J");
    expect(printable("\u001B[31mred")).toBe("^[[31mred");
  });

  it("keeps the colours that are ours", () => {
    expect(printableColoured("\u001B[31mred\u001B[0m \u001B[2J")).toBe("\u001B[31mred\u001B[0m ^[[2J");
    expect(printableColoured("\u0007[1m")).toBe("^G[1m");
  });

  it("is cut to one line", () => {
    expect(oneLine("one\n  two\tthree", 20)).toBe("one two three");
    expect(oneLine("one two three", 8)).toBe("one two…");
    expect(oneLine("x", 0)).toBe("");
  });

  it("is wrapped at spaces", () => {
    expect(wrap("one two three four", 9)).toEqual(["one two", "three", "four"]);
    expect(wrap("averyverylongword x", 5)).toEqual(["averyverylongword", "x"]);
  });

  it("has colours on a terminal only, and not under NO_COLOR", () => {
    expect(channelOf({ isTTY: true }).channel.paint("red", "x")).toBe("\u001B[31mx\u001B[39m");
    expect(channelOf({ isTTY: true }, { NO_COLOR: "1" }).channel.paint("red", "x")).toBe("x");
    expect(channelOf({}).channel.paint("red", "x")).toBe("x");
  });

  it("goes to pipes as it is", () => {
    const { channel, written } = channelOf({});
    channel.write("\u001B[2J");
    expect(written).toEqual(["\u001B[2J"]);
  });
});

describe("figures", () => {
  it("are short", () => {
    expect([0, 999, 1_500, 61_000, 7_200_000, 900_000_000].map(duration)).toEqual([
      "0 ms",
      "999 ms",
      "1.5 s",
      "1 min",
      "2 h",
      "10 d",
    ]);
    expect([12, 2_048, 5 * 1_024 * 1_024].map(bytes)).toEqual(["12 B", "2.0 KiB", "5.0 MiB"]);
    expect(plural(1, "turn")).toBe("1 turn");
    expect(plural(2_000, "retry", "retries")).toBe("2,000 retries");
  });

  it("tell times by their distance", () => {
    expect(relativeTime(1_000, 2_000)).toBe("just now");
    expect(relativeTime(0, 30_000)).toBe("30 s ago");
    expect(relativeTime(600_000, 0)).toBe("in 10 min");
  });

  it("never show an unknown price as nothing", () => {
    expect(dollars(null)).toBe("cost unknown");
    expect(dollars(0)).toBe("$0.00");
    expect(dollars(0.0012)).toBe("$0.0012");
    expect(dollars(3.456)).toBe("$3.46");
  });
});

describe("a table", () => {
  const rows = [{ id: "ses_1", agent: "a-rather-long-name-of-an-agent" }];
  const columns = [
    { title: "SESSION", of: ({ id }: { id: string }) => id },
    { title: "AGENT", of: ({ agent }: { agent: string }) => agent, isFlexible: true },
  ];

  it("fits the width: flexible columns give way", () => {
    const text = renderTable(columns, rows, channelOf({ columns: 20 }).channel);
    expect(text).toBe("SESSION  AGENT\nses_1    a-rather-l…\n");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(20);
  });

  it("is no wider than it needs to be", () => {
    expect(renderTable(columns, rows, channelOf({ columns: 200 }).channel)).toContain(
      "a-rather-long-name-of-an-agent",
    );
  });
});
