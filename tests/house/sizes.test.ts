/** No file over 400 lines of code, no function over 60, no way around a rule. The linter says the same; this does not ask it. */
import { describe, expect, test } from "vitest";
import { codeLines, type Files, isTest, readFiles, SRC, stripComments } from "./source.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;

const longFiles = (files: Files): readonly string[] =>
  [...files]
    .map(([path, code]) => ({ path, lines: codeLines(code) }))
    .filter(({ lines }) => lines > MAX_FILE_LINES)
    .map(({ path, lines }) => `${path}: ${lines}`);

/** A line that opens a function or method body, in code laid out by the formatter. */
const OPENS_FUNCTION = /=>\s*\{$|\bfunction\b.*\{$|^\s*(?:[a-z]+ ){0,3}\*?#?\w+(?:<.*>)?\(.*\{$/;
const OPENS_OTHER = /^\s*(?:\}\s*)?(?:if|else|for|while|do|switch|try|catch|finally|class|with)\b/;

/** Approximate, by indentation: a body ends at the first line indented no deeper than the one that opened it. */
const longFunctions = (files: Files): readonly string[] => {
  const found: string[] = [];
  for (const [path, code] of files) {
    const lines = stripComments(code)
      .split("\n")
      .map((text, index) => ({ text, number: index + 1, indent: text.search(/\S/) }))
      .filter(({ indent }) => indent >= 0);
    lines.forEach(({ text, number, indent }, at) => {
      if (!OPENS_FUNCTION.test(text) || OPENS_OTHER.test(text)) return;
      const length = lines.slice(at + 1).findIndex((line) => line.indent <= indent) + 2;
      if (length > MAX_FUNCTION_LINES) found.push(`${path}:${number}: ${length}`);
    });
  }
  return found;
};

/** Comments that silence a check, and tests that do not run. */
const SILENCED =
  /(?:oxlint|eslint)-(?:disable|enable)|@ts-(?:ignore|nocheck)|\b(?:test|it|describe)\.(?:skip|only|todo|fails)\b|\b(?:vi|vitest)\.(?:mock|doMock)\(/;

const silenced = (files: Files): readonly string[] =>
  [...files].flatMap(([path, code]) =>
    code
      .split("\n")
      .flatMap((line, index) => (SILENCED.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );

const all = readFiles(SRC, ".ts");
const source: Files = new Map([...all].filter(([path]) => !isTest(path)));
const everything: Files = new Map([
  ...all,
  ...[...readFiles("tests", ".ts")].filter(([path]) => !path.startsWith("tests/house/")),
]);

describe("the source", () => {
  test("is found by the walk", () => {
    expect(source.size).toBeGreaterThan(20);
  });

  test(`has no file over ${MAX_FILE_LINES} lines of code`, () => {
    expect(longFiles(source)).toEqual([]);
  });

  test(`has no function over ${MAX_FUNCTION_LINES} lines`, () => {
    expect(longFunctions(source)).toEqual([]);
  });

  test("silences no check, skips no test and mocks no module", () => {
    expect(silenced(everything)).toEqual([]);
  });
});

const body = (count: number): string => "    const a = 1;\n".repeat(count);
const planted = (code: string): Files => new Map([["planted.ts", code]]);

describe("the measure", () => {
  test("sees a long file and counts neither comments nor blanks", () => {
    expect(longFiles(planted(body(401)))).toHaveLength(1);
    expect(longFiles(planted(`${body(400)}\n\n// a\n/* b\n c */\n`))).toEqual([]);
  });

  test.each([
    ["an arrow", "const f = async (a: string): Promise<void> => {\n", "};\n"],
    ["a function", "export function f(a: string): void {\n", "}\n"],
    ["a method", "  async #run(a: string): Promise<void> {\n", "  }\n"],
  ])("sees %s over the limit, and not one at it", (_, opening, closing) => {
    const indented = (count: number): string => opening + body(count) + closing;
    expect(longFunctions(planted(indented(59)))).toHaveLength(1);
    expect(longFunctions(planted(indented(58)))).toEqual([]);
  });

  test.each(["// oxlint-disable-next-line", "// @ts-ignore", "test.skip(", "vi.mock("])("sees %s", (text) => {
    expect(silenced(planted(text))).toHaveLength(1);
  });
});
