/**
 * SPEC.md lists every promise, where it is kept and which tests hold it. This keeps the list complete and true.
 *
 * A kept promise is a row of four cells; test titles are in double quotes, after the file they stand in:
 *
 *     | J1 | what is promised | `packages/holdfast/src/…ts` … | `path/of.test.ts`: "a title", "another"; `b.test.ts`: "third" |
 *
 * A promise that is not kept yet is a row of two cells under the heading `Not yet kept`: `| S2 | why not |`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Files, isTest, readFiles, ROOT, SRC } from "./source.ts";

const ids = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);

/** The deed of the house: journal, effects, sessions, seeing. */
const PROMISES = [...ids("J", 6), ...ids("E", 10), ...ids("S", 6), ...ids("O", 3)];

type Row = {
  readonly id: string;
  readonly promise: string;
  readonly enforcedIn: readonly string[];
  readonly tests: readonly { readonly file: string; readonly title: string }[];
};
type Spec = { readonly kept: readonly Row[]; readonly open: ReadonlyMap<string, string> };

const cellsOf = (line: string): readonly string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

const backticked = (cell: string): readonly string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");

const testsIn = (cell: string): Row["tests"] =>
  [...cell.matchAll(/`([^`]+)`\s*:([^`]*)/g)].flatMap(([, file = "", titles = ""]) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => ({ file, title })),
  );

const parseSpec = (text: string): Spec => {
  const kept: Row[] = [];
  const open = new Map<string, string>();
  let heading = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) heading = line.replace(/^#+\s*/, "").trim();
    const [id = "", promise = "", enforced = "", tests = ""] = cellsOf(line);
    if (!/^[JESO]\d+$/.test(id)) continue;
    if (heading === "Not yet kept") open.set(id, promise);
    else kept.push({ id, promise, enforcedIn: backticked(enforced), tests: testsIn(tests) });
  }
  return { kept, open };
};

const completenessProblems = ({ kept, open }: Spec): readonly string[] => {
  const listed = [...kept.map(({ id }) => id), ...open.keys()];
  return [
    ...PROMISES.filter((id) => !listed.includes(id)).map((id) => `${id} is missing`),
    ...listed.filter((id) => !PROMISES.includes(id)).map((id) => `${id} is no promise of the house`),
    ...listed.filter((id, at) => listed.indexOf(id) !== at).map((id) => `${id} is listed twice`),
    ...[...open].filter(([, reason]) => reason.length < 10).map(([id]) => `${id} is open without a reason`),
  ];
};

const holdsTitle = (text: string, title: string): boolean =>
  ['"', "'", "`"].some((quote) => text.includes(`${quote}${title}${quote}`));

const rowProblems = (row: Row, read: (path: string) => string | undefined): readonly string[] => {
  const problems: string[] = [];
  if (row.enforcedIn.length === 0) problems.push(`${row.id} names no file that keeps it`);
  if (row.tests.length === 0) problems.push(`${row.id} names no test`);
  for (const path of row.enforcedIn.filter((name) => read(name) === undefined))
    problems.push(`${row.id}: no file ${path}`);
  const cited = new RegExp(`\\b${row.id}\\b`);
  if (!row.enforcedIn.some((path) => cited.test(read(path) ?? "")))
    problems.push(`${row.id} is cited in none of its files`);
  for (const { file, title } of row.tests) {
    const text = read(file);
    if (text === undefined) problems.push(`${row.id}: no test file ${file}`);
    else if (!holdsTitle(text, title)) problems.push(`${row.id}: no test "${title}" in ${file}`);
  }
  return problems;
};

/** Promises named in parentheses, as in `(E3)` or `(J1, J2)`, that nobody made. */
const strangeCitations = (files: Files): readonly string[] =>
  [...files].flatMap(([path, code]) =>
    [...code.matchAll(/\(((?:[JESO]\d+)(?:(?:, | and |\/)[JESO]\d+)*)\)/g)]
      .flatMap(([, list = ""]) => list.split(/, | and |\//))
      .filter((id) => !PROMISES.includes(id))
      .map((id) => `${path}: ${id}`),
  );

const readFromRoot = (path: string): string | undefined =>
  existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), "utf8") : undefined;

describe("SPEC.md", () => {
  const spec = parseSpec(readFromRoot("SPEC.md") ?? "");

  test("lists every promise once, kept or with a reason why not yet", () => {
    expect(completenessProblems(spec)).toEqual([]);
  });

  test("names files that cite the promise and tests that exist", () => {
    expect(spec.kept.flatMap((row) => rowProblems(row, readFromRoot))).toEqual([]);
    expect(spec.kept.length).toBeGreaterThan(0);
  });

  test("knows every promise that the source cites", () => {
    const source: Files = new Map([...readFiles(SRC, ".ts")].filter(([path]) => !isTest(path)));
    expect(strangeCitations(source)).toEqual([]);
  });
});

describe("the reading of a spec", () => {
  const table = (rows: string): Spec => parseSpec(`# Spec\n## Journal\n${rows}\n`);
  const full = PROMISES.map((id) => `| ${id} | text | \`a.ts\` | \`a.test.ts\`: "one" |`).join("\n");
  const files: Readonly<Record<string, string>> = { "a.ts": "// (J1)", "a.test.ts": 'test("one", f)' };
  const problems = (row: string): readonly string[] =>
    table(row).kept.flatMap((parsed) => rowProblems(parsed, (path) => files[path]));

  test("is content with a full list", () => {
    expect(completenessProblems(table(full))).toEqual([]);
    expect(problems('| J1 | text | `a.ts` | `a.test.ts`: "one" |')).toEqual([]);
  });

  test("sees a missing, a strange and a doubled promise, and one open without a reason", () => {
    expect(completenessProblems(table(full.replace("| E3 |", "| E33 |")))).toHaveLength(2);
    expect(completenessProblems(table(`${full}\n${full.split("\n")[0]}`))).toHaveLength(1);
    expect(completenessProblems(table(`${full}\n## Not yet kept\n| J1 | |`))).toHaveLength(2);
  });

  test.each([
    ["a file that is not there", '| J1 | text | `a.ts` `b.ts` | `a.test.ts`: "one" |'],
    ["a file that does not cite it", '| J2 | text | `a.ts` | `a.test.ts`: "one" |'],
    ["a test that is not there", '| J1 | text | `a.ts` | `a.test.ts`: "one", "two" |'],
    ["a test file that is not there", '| J1 | text | `a.ts` | `b.test.ts`: "one" |'],
    ["a row without tests", "| J1 | text | `a.ts` | later |"],
  ])("sees %s", (_, row) => {
    expect(problems(row)).toHaveLength(1);
  });

  test("sees a citation of a promise nobody made", () => {
    expect(strangeCitations(new Map([["a.ts", "// (E3, E12)"]]))).toEqual(["a.ts: E12"]);
  });
});
