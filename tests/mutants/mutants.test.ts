/** The tool that plants mutants: what it cuts out, what it refuses, and that its lists are true of the source. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findGuards } from "./find-guards.ts";
import { generateMutants } from "./generate-mutants.ts";
import { INCIDENTS, INCIDENTS_OUT_OF_SCOPE } from "./incidents.ts";
import { judge } from "./judge.ts";
import { listProblems } from "./list-problems.ts";
import { applyEdits, plant } from "./mutant.ts";
import { allMutants, readSources, SOURCE_ROOT } from "./read-sources.ts";
import { sampleOf } from "./sample.ts";
import { inLine, parseSource } from "./syntax-tree.ts";

const source = (text: string) => parseSource("core/some.ts", text);

/** The text without its one guard, and without the marker's comment. */
const withoutGuard = (text: string): string => {
  const [guard] = findGuards(source(text));
  const cut = guard === undefined ? "nothing" : applyEdits(text, guard.edits);
  return inLine(cut.replaceAll(/\/\/ guard[^\n]*|\/\* guard.*?\*\//g, ""));
};

describe("a guard that is taken out", () => {
  test.each([
    ["a refusal", "// guard E1: x\nif (a) throw b;\nc();", "{} c();"],
    ["a condition with another way", "// guard E1: x\nif (a) { b(); } else { c(); }", "{ c(); }"],
    ["an act", "// guard E1: x\na.b();\nc();", "{} c();"],
    ["a throw", "f(); // guard E1: x\nthrow a;", "f(); {}"],
    ["a loop", "// guard E1: x\nfor (const a of b) c(a);", "{}"],
    [
      "a case",
      "switch (a) { case 1: b(); break;\n// guard E1: x\ncase 2: c(); }",
      "switch (a) { case 1: b(); break; }",
    ],
    ["a selection", "// guard E1: x\nconst a = b.filter((c) => c.d);", "const a = b;"],
    ["one of several conditions", "const a = b && /* guard E1: x */ c && d;", "const a = b && true && d;"],
    [
      "the first of several conditions",
      "const a = /* guard E1: x */ b && c && d;",
      "const a = true && c && d;",
    ],
    ["one of several reasons", "const a = b || /* guard E1: x */ c === d;", "const a = b || false;"],
    ["a value that comes first", "const a = /* guard E1: x */ b ?? c;", "const a = undefined ?? c;"],
    ["one of two ways", "const a = b ? /* guard E1: x */ c : d;", "const a = (d);"],
    ["the other of two ways", "const a = b ? c : /* guard E1: x */ d;", "const a = (c);"],
    ["a member", "const a = { ...b, /* guard E1: x */ c: 1, d: 2 };", "const a = { ...b, d: 2 };"],
    ["an element", "const a = [...b, /* guard E1: x */ c];", "const a = [...b, ];"],
    ["a bound", "const a = Math.max(/* guard E1: x */ b, c);", "const a = Math.max( c);"],
    ["a summand", "const a = b + /* guard E1: x */ c;", "const a = b + 0;"],
  ])("%s", (_, text, expected) => {
    expect(withoutGuard(text)).toBe(expected);
  });

  test("is named by its file and its words, with its promises", () => {
    const [guard] = findGuards(source("// guard E1, J2: some words\nif (a) b();"));
    expect(guard).toMatchObject({ id: "core/some.ts: some words", promises: ["E1", "J2"], line: 1 });
  });

  test("stands behind other comments", () => {
    expect(withoutGuard("// guard E1: x\n// Why it is so.\nif (a) b();")).toBe("// Why it is so. {}");
  });
});

describe("a marker that is refused", () => {
  test.each([
    ["before what can be removed in no known way", "// guard E1: x\nclass A {}"],
    ["before the case that another falls into", "switch (a) { case 1:\n// guard E1: x\ncase 2: b(); }"],
    ["without a promise", "// guard: x\nif (a) b();"],
    ["without words", "// guard E1\nif (a) b();"],
    ["with the words of another", "// guard E1: x\nif (a) b();\n// guard E2: x\nif (a) b();"],
  ])("%s", (_, text) => {
    expect(() => findGuards(source(text))).toThrow(SyntaxError);
  });
});

describe("a generated mutant", () => {
  const made = (text: string): readonly string[] => {
    const file = source(text);
    return generateMutants(file).map(({ kind, edits }) => `${kind}: ${inLine(applyEdits(file.text, edits))}`);
  };

  test.each([
    ["a test", "if (a) b();", ["negated condition: if (!(a)) b();"]],
    ["a choice", "const x = a ? b : c;", ["negated condition: const x = !(a) ? b : c;"]],
    ["a predicate", "const f = (a) => a === 1;", ["negated condition: const f = (a) => !(a === 1);"]],
    ["an append", "batch.add(a);", ["dropped append: {}"]],
    ["an appended element", "const x = [...a, b];", ["dropped append: const x = [...a, ];"]],
    [
      "an order around a wait",
      "const f = async () => { await a(); b(); };",
      ["swapped order: const f = async () => { b(); await a(); };"],
    ],
    [
      "an order about the same thing",
      "const f = () => { a.b(); a.c(); };",
      ["swapped order: const f = () => { a.c(); a.b(); };"],
    ],
  ])("of %s", (_, text, expected) => {
    expect(made(text)).toEqual(expected);
  });

  test.each([
    ["a value is needed by what follows", "const f = () => { const a = b(); c(a); };"],
    ["neither touches what the other does", "const f = () => { this.a = b; this.c = d; };"],
    ["only the log hears of it", "const f = () => { logger.warn(a); a.b(); };"],
    ["both only refuse", "const f = () => { if (a) return; if (b) return; };"],
  ])("is none where %s", (_, text) => {
    expect(made(text).filter((line) => line.startsWith("swapped"))).toEqual([]);
  });
});

describe("the mutants of the source", () => {
  const sources = readSources();
  const all = allMutants(sources);

  test("have a guard for every promise in scope, and lists that are true", () => {
    expect(listProblems(all)).toEqual([]);
  });

  test("are told of what would be wrong with the lists", () => {
    expect(listProblems({ guards: [], generated: [] }).length).toBeGreaterThan(INCIDENTS.length);
  });

  test("stand against everything that broke elsewhere, or it is said why not", () => {
    const stories = [...INCIDENTS, ...INCIDENTS_OUT_OF_SCOPE].map(({ what }) => what);
    expect(new Set(stories).size).toBe(31);
    expect(INCIDENTS_OUT_OF_SCOPE.filter(({ why }) => why.length < 10)).toEqual([]);
  });

  test("name promises that SPEC.md makes", () => {
    const spec = readFileSync(join(SOURCE_ROOT, "../../../SPEC.md"), "utf8");
    const made = new Set([...spec.matchAll(/^\| ([JESO]\d+) \|/gm)].map(([, id = ""]) => id));
    expect(all.guards.flatMap(({ promises }) => promises.filter((id) => !made.has(id)))).toEqual([]);
  });

  test("are TypeScript, each of a hundred drawn from all", () => {
    const texts = sampleOf([...all.guards, ...all.generated], 100, "syntax").flatMap((mutant) => [
      ...plant(sources, [mutant]),
    ]);
    for (const [path, text] of texts) expect(() => parseSource(path, text)).not.toThrow();
    expect(texts).toHaveLength(100);
  }, 120_000);

  test("are drawn alike by the same draw", () => {
    const drawn = (draw: string): readonly string[] => sampleOf(all.guards, 10, draw).map(({ id }) => id);
    expect(drawn("one")).toHaveLength(10);
    expect(drawn("one")).toEqual(drawn("one"));
    expect(drawn("one")).not.toEqual(drawn("two"));
  });
});

describe("a play", () => {
  const changed = (path: string, from: string, to: string): ReadonlyMap<string, string> => {
    const text = readFileSync(join(SOURCE_ROOT, path), "utf8");
    if (!text.includes(from)) throw new TypeError(`${path} does not have: ${from}`);
    return new Map([[path, text.replace(from, to)]]);
  };
  const short = { from: 1, limitS: 1, seedLimitS: 2 };

  test.each([
    ["survives as it is", new Map<string, string>(), "survived"],
    [
      "falls when the world stands still",
      changed("core/plan.ts", "if (run === null) {", "for (;;) {}\n  if (run === null) {"),
      "fell",
    ],
    [
      "is stillborn when it does not load",
      changed("core/plan.ts", "export const plan =", "const plan ="),
      "stillborn",
    ],
    ["is stillborn when nothing loads it", new Map([["core/nowhere.ts", ""]]), "stillborn"],
  ])(
    "%s",
    async (_, files, expected) => {
      expect(await judge(files, short)).toMatchObject({ result: expected });
    },
    120_000,
  );

  test("finds a write that is repeated", async () => {
    const { guards } = allMutants(readSources());
    const guard = guards.filter(({ id }) => id === "core/plan-tool-calls.ts: a lost write is not repeated");
    const verdict = await judge(plant(readSources(), guard), { from: 1, limitS: 15 });
    expect(verdict).toMatchObject({ result: "found" });
  }, 120_000);
});
