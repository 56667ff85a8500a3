import { describe, expect, it } from "vitest";
import { charsIn } from "./chars.ts";
import type { ToolOutput } from "./message.ts";
import { SHORTENED_CHARS, shortenedOutput } from "./shortened.ts";

const weightOf = (output: ToolOutput): number =>
  charsIn(typeof output.value === "string" ? output.value : JSON.stringify(output.value));

const AT = 123_456_789;

describe("a shortened result", () => {
  it.each([
    ["English", "word ".repeat(10_000)],
    ["Chinese", "港口的管理员".repeat(10_000)],
    ["halves of characters", "😀".repeat(10_000)],
  ])("E6 weighs no more than the window takes it for: %s", (_, value) => {
    const shortened = shortenedOutput({ type: "text", value }, { at: AT, notice: null });
    expect(weightOf(shortened)).toBeLessThanOrEqual(SHORTENED_CHARS);
    expect(JSON.stringify(shortened.value).includes("\\ud")).toBe(false);
  });

  it("E8 still tells the model that it repeats itself", () => {
    const notice = "This is the same call with the same result 99 times in a row. Do something else.";
    for (const value of ["word ".repeat(10_000), "short"]) {
      const shortened = shortenedOutput({ type: "text", value }, { at: AT, notice });
      expect(shortened.value).toContain(notice);
      expect(weightOf(shortened)).toBeLessThanOrEqual(SHORTENED_CHARS);
    }
  });

  it("says that an image is left out", () => {
    const image = { type: "file", mediaType: "image/png", data: { kind: "url", url: "x:y" } } as const;
    const output: ToolOutput = { type: "content", value: [{ type: "text", text: "A map." }, image] };
    expect(shortenedOutput(output, { at: AT, notice: null }).value).toBe(
      "A map.\n[image/png]\n[Shortened: what is not text is left out.]",
    );
  });
});
