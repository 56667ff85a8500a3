/** Every house rule is planted as a violation once, so that a rule that stopped working is seen. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FLOORS } from "./floors.ts";
import { ROOT } from "./source.ts";

type Plant = {
  readonly what: string;
  readonly file: string;
  readonly code: string;
  /** The rule that must speak; none where the planted code is fine. */
  readonly rule?: string;
};

const repeat = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join("\n");

const PLANTS: readonly Plant[] = [
  { what: "any", file: "engine/p.ts", code: "export type A = any;", rule: "no-explicit-any" },
  {
    what: "a non-null assertion",
    file: "engine/p.ts",
    code: "export const f = (a?: string) => a!.length;",
    rule: "no-non-null-assertion",
  },
  { what: "an enum", file: "engine/p.ts", code: "export enum A { b }", rule: "no-enum" },
  { what: "a default export", file: "engine/p.ts", code: "export default 1;", rule: "no-default-export" },
  { what: "export *", file: "engine/p.ts", code: 'export * from "../core/q.ts";', rule: "no-export-all" },
  {
    what: "a bare error",
    file: "engine/p.ts",
    code: 'export const f = () => { throw new Error("x"); };',
    rule: "own-errors",
  },
  {
    what: "a bare type error",
    file: "engine/p.ts",
    code: 'export const f = () => TypeError("x");',
    rule: "own-errors",
  },
  {
    what: "a double cast",
    file: "engine/p.ts",
    code: "export const f = (a: string) => a as unknown as number;",
    rule: "no-double-cast",
  },
  { what: "module state", file: "engine/p.ts", code: "export let a = 1;", rule: "no-module-state" },
  { what: "console", file: "engine/p.ts", code: 'console.log("x");', rule: "no-console" },
  {
    what: "a dropped promise",
    file: "engine/p.ts",
    code: "export const f = (g: () => Promise<void>): void => { g(); };",
    rule: "no-floating-promises",
  },
  {
    what: "an open switch",
    file: "engine/p.ts",
    code: 'export const f = (a: "x" | "y") => { switch (a) { case "x": return 1; } return 2; };',
    rule: "switch-exhaustiveness-check",
  },
  {
    what: "Date.now",
    file: "stores/p.ts",
    code: "export const f = () => Date.now();",
    rule: "no-restricted-properties",
  },
  {
    what: "new Date()",
    file: "stores/p.ts",
    code: "export const f = () => new Date();",
    rule: "no-clock-read",
  },
  {
    what: "Math.random",
    file: "stores/p.ts",
    code: "export const f = () => Math.random();",
    rule: "no-restricted-properties",
  },
  {
    what: "crypto.randomUUID",
    file: "stores/p.ts",
    code: "export const f = () => crypto.randomUUID();",
    rule: "no-restricted-properties",
  },
  {
    what: "an imported randomUUID",
    file: "stores/p.ts",
    code: 'import { randomUUID } from "node:crypto"; export const f = () => randomUUID();',
    rule: "no-restricted-imports",
  },
  {
    what: "AbortSignal.timeout",
    file: "stores/p.ts",
    code: "export const f = () => AbortSignal.timeout(1);",
    rule: "no-restricted-properties",
  },
  {
    what: "setTimeout",
    file: "stores/p.ts",
    code: "export const f = () => setTimeout(() => {}, 1);",
    rule: "no-restricted-globals",
  },
  {
    what: "imported timers",
    file: "stores/p.ts",
    code: 'import { setTimeout } from "node:timers/promises"; export const f = () => setTimeout(1);',
    rule: "no-restricted-imports",
  },
  {
    what: "the system clock itself",
    file: "runtime/system-clock.ts",
    code: "export const now = () => Date.now();",
  },
  {
    what: "a turn for others",
    file: "tools/fetch/give-way.ts",
    code: "export const f = (next: () => void) => void setImmediate(next);",
  },
  {
    what: "a turn for others anywhere else",
    file: "tools/p.ts",
    code: "export const f = (next: () => void) => void setImmediate(next);",
    rule: "no-restricted-globals",
  },
  {
    what: "Date in core",
    file: "core/p.ts",
    code: "export const f = (ms: number) => new Date(ms);",
    rule: "no-restricted-globals",
  },
  {
    what: "process in core",
    file: "core/p.ts",
    code: "export const f = () => process.pid;",
    rule: "no-restricted-globals",
  },
  {
    what: "fetch in core",
    file: "core/p.ts",
    code: 'export const f = () => fetch("x");',
    rule: "no-restricted-globals",
  },
  {
    what: "node: in core",
    file: "core/p.ts",
    code: 'import { join } from "node:path"; export const f = () => join("x");',
    rule: "no-restricted-imports",
  },
  {
    what: "a short cut past a door",
    file: "cli/p.ts",
    code: 'import { q } from "../runtime/q.ts"; export const f = () => q;',
    rule: "no-restricted-imports",
  },
  {
    what: "a door",
    file: "cli/p.ts",
    code: 'import { q } from "../runtime/index.ts"; export const f = () => q;',
  },
  {
    what: "four parameters",
    file: "engine/p.ts",
    code: "export const f = (a: 1, b: 1, c: 1, d: 1) => [a, b, c, d];",
    rule: "max-params",
  },
  {
    what: "depth four",
    file: "engine/p.ts",
    code: "export const f = (a: boolean) => { if (a) { if (a) { if (a) { if (a) return 1; } } } return 2; };",
    rule: "max-depth",
  },
  {
    what: "a long file",
    file: "engine/p.ts",
    code: repeat(401, (i) => `export const a${i} = ${i};`),
    rule: "max-lines",
  },
  { what: "a long test", file: "engine/p.test.ts", code: repeat(401, (i) => `export const a${i} = ${i};`) },
  {
    what: "a long function",
    file: "engine/p.ts",
    code: `export const f = () => {\n${repeat(60, (i) => `const a${i} = ${i}; void a${i};`)}\n};`,
    rule: "max-lines-per-function",
  },
];

type Report = { readonly diagnostics: readonly { readonly code: string; readonly filename: string }[] };

let house: string;
let found: ReadonlyMap<string, readonly string[]>;

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(house, path)), { recursive: true });
  writeFileSync(join(house, path), text);
};

/** Each plant has a house of its own inside the temporary one, so that all are linted by one run of the real configuration. */
const lint = (): ReadonlyMap<string, readonly string[]> => {
  const run = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/oxlint/bin/oxlint"), "--type-aware", "--format=json"],
    { cwd: house, encoding: "utf8" },
  );
  const report = JSON.parse(run.stdout) as Report;
  const codes = new Map<string, string[]>();
  for (const { code, filename } of report.diagnostics) {
    codes.set(filename, [...(codes.get(filename) ?? []), code]);
  }
  return codes;
};

const crossings = Object.entries(FLOORS).flatMap(([from, floor]) =>
  Object.keys(FLOORS).map((to) => ({ from, to, isAllowed: from === to || floor.folders.includes(to) })),
);

const SRC = "packages/holdfast/src";
const plantPath = (index: number, file: string): string =>
  `${SRC}/${file.replace("p.ts", `plant-${index}.ts`).replace("p.test.ts", `plant-${index}.test.ts`)}`;
const crossingPath = (from: string, to: string): string => `${SRC}/${from}/deep/to-${to}.ts`;

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), "holdfast-lint-"));
  for (const path of ["oxlint.config.ts", "tsconfig.json", "tsconfig.base.json"]) {
    cpSync(join(ROOT, path), join(house, path));
  }
  for (const path of ["floors.ts", "lint-plugin.ts"]) {
    cpSync(join(ROOT, "tests/house", path), join(house, "tests/house", path));
  }
  symlinkSync(join(ROOT, "node_modules"), join(house, "node_modules"));
  writeFileSync(join(house, "package.json"), '{ "type": "module" }');
  for (const folder of Object.keys(FLOORS)) {
    write(`${SRC}/${folder}/index.ts`, "export const q = 1;\n");
    write(`${SRC}/${folder}/q.ts`, "export const q = 1;\n");
  }
  PLANTS.forEach((plant, index) => write(plantPath(index, plant.file), plant.code));
  for (const { from, to } of crossings) {
    write(
      crossingPath(from, to),
      `import type { q } from "../../${to}/index.ts";\nexport type Q = typeof q;\n`,
    );
  }
  found = lint();
});

afterAll(() => rmSync(house, { recursive: true, force: true }));

describe("the lint rules", () => {
  test.each(PLANTS.map((plant, index) => ({ ...plant, path: plantPath(index, plant.file) })))(
    "see $what in $file as the table says",
    ({ path, rule }) => {
      const codes = (found.get(path) ?? []).join(" ");
      if (rule === undefined) expect(codes).toBe("");
      else expect(codes).toContain(`(${rule})`);
    },
  );

  test.each(crossings)("hold the floor between $from and $to", ({ from, to, isAllowed }) => {
    const codes = (found.get(crossingPath(from, to)) ?? []).join(" ");
    expect(codes.includes("no-restricted-imports")).toBe(!isAllowed);
  });
});
