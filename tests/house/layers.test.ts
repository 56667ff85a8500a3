/** Re-derives the table of floors from the source itself, so that the lint configuration is not the only lock. */
import { builtinModules } from "node:module";
import { describe, expect, test } from "vitest";
import { DOOR_FLOOR, FLOORS, TEST_EXTRA_FOLDERS, type Floor } from "./floors.ts";
import { type Files, importsOf, isTest, readFiles, resolveImport, SRC } from "./source.ts";

const TEST_PACKAGES = new Set(["vitest", "fast-check"]);
const BUILTIN = new Set(builtinModules);

/** In these folders no adapter knows another, not even of its own kind. */
const partsOf = (path: string): readonly string[] => path.slice(SRC.length + 1).split("/");
const folderOf = (path: string): string => (partsOf(path).length > 1 ? (partsOf(path)[0] ?? "") : "");
/** The adapter a file belongs to: a folder inside an adapter folder. */
const adapterOf = (path: string): string => (partsOf(path).length > 2 ? (partsOf(path)[1] ?? "") : "");
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

const floorOf = (path: string): Floor | undefined =>
  folderOf(path) === "" ? DOOR_FLOOR : FLOORS[folderOf(path)];

const insideProblem = (from: string, to: string, floor: Floor): string | undefined => {
  if (!to.startsWith(`${SRC}/`)) return "leaves the source";
  const [here, there] = [folderOf(from), folderOf(to)];
  const isApart = adapterOf(from) !== "" && adapterOf(to) !== "" && adapterOf(from) !== adapterOf(to);
  if (here === there) return floor.isApart === true && isApart ? "is another adapter" : undefined;
  if (there === "") return "is a public door";
  if (isTest(from) && TEST_EXTRA_FOLDERS.includes(there)) return undefined;
  if (!floor.folders.includes(there)) return `is not in the row of ${here || "the doors"}`;
  if (floor.throughDoors && partsOf(to).slice(1).join("/") !== "index.ts") return "is not a door";
  return undefined;
};

const outsideProblem = (from: string, specifier: string, floor: Floor): string | undefined => {
  if (specifier.startsWith("node:")) return floor.node || isTest(from) ? undefined : "is Node's own";
  if (BUILTIN.has(specifier)) return "is written without node:";
  const name = packageOf(specifier);
  if (name === "holdfast") return "is a public door";
  if (isTest(from) && TEST_PACKAGES.has(name)) return undefined;
  return floor.packages === "any" || floor.packages.includes(name)
    ? undefined
    : "is not a package it may know";
};

const problemOf = (path: string, specifier: string, floor: Floor): string | undefined =>
  specifier.startsWith(".")
    ? insideProblem(path, resolveImport(path, specifier), floor)
    : outsideProblem(path, specifier, floor);

/** Everything about the imports of these files that the table does not allow. */
const findViolations = (files: Files): readonly string[] =>
  [...files].flatMap(([path, code]) => {
    const floor = floorOf(path);
    if (floor === undefined) return [`${path}: its folder has no row`];
    return importsOf(code).flatMap((specifier) => {
      const problem = problemOf(path, specifier, floor);
      return problem === undefined ? [] : [`${path}: ${specifier} ${problem}`];
    });
  });

/** The first circle of files that import one another, type-only imports included. */
const findCycle = (files: Files): readonly string[] | undefined => {
  const settled = new Set<string>();
  const visit = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (settled.has(path)) return undefined;
    for (const specifier of importsOf(files.get(path) ?? "")) {
      const to = specifier.startsWith(".") ? resolveImport(path, specifier) : "";
      const cycle = files.has(to) ? visit(to, [...trail, path]) : undefined;
      if (cycle !== undefined) return cycle;
    }
    settled.add(path);
    return undefined;
  };
  for (const path of files.keys()) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
};

const missingFiles = (files: Files): readonly string[] =>
  [...files].flatMap(([path, code]) =>
    importsOf(code)
      .filter((specifier) => specifier.startsWith(".") && specifier.endsWith(".ts"))
      .filter((specifier) => !files.has(resolveImport(path, specifier)))
      .map((specifier) => `${path}: ${specifier}`),
  );

const source = readFiles(SRC, ".ts");

describe("the source", () => {
  test("is found by the walk, imports and all", () => {
    expect(source.size).toBeGreaterThan(20);
    expect([...source.values()].flatMap(importsOf).length).toBeGreaterThan(source.size);
    expect(missingFiles(source)).toEqual([]);
  });

  test("keeps to the table of floors", () => {
    expect(findViolations(source)).toEqual([]);
  });

  test("has no circle of imports", () => {
    expect(findCycle(source)).toBeUndefined();
  });
});

const planted = (path: string, code: string): Files => new Map([[`${SRC}/${path}`, code]]);

describe("the walk", () => {
  test.each([
    ["an import upward", "core/p.ts", 'import { a } from "../engine/a.ts";'],
    ["a type-only import upward", "engine/p.ts", 'import type { A } from "../runtime/a.ts";'],
    ["a re-export upward", "ports/p.ts", 'export { a } from "../stores/a.ts";'],
    ["an import on many lines", "ports/p.ts", 'import {\n  a,\n  type B,\n} from "../stores/a.ts";'],
    ["an import() of a type", "core/p.ts", 'export type A = import("../ports/a.ts").A;'],
    ["a worker by its URL", "models/p.ts", 'new URL("../engine/worker.ts", import.meta.url)'],
    ["a side effect", "core/p.ts", 'import "../engine/a.ts";'],
    ["another kind of adapter", "stores/p.ts", 'import { a } from "../models/a.ts";'],
    ["another adapter of the kind", "stores/sqlite/p.ts", 'import { a } from "../in-memory/a.ts";'],
    ["Node in core", "core/p.ts", 'import { join } from "node:path";'],
    ["a package in core", "core/p.ts", 'import { z } from "zod";'],
    ["Node without its prefix", "stores/p.ts", 'import { join } from "path";'],
    ["a file behind a door", "cli/p.ts", 'import { a } from "../runtime/a.ts";'],
    ["the public door", "engine/p.ts", 'import { a } from "../index.ts";'],
    ["the package by name", "engine/p.ts", 'import { a } from "holdfast";'],
    ["a way out of the source", "engine/p.ts", 'import { a } from "../../../../tests/a.ts";'],
    ["a folder without a row", "utils/p.ts", "export const a = 1;"],
    ["a test that goes upward", "core/p.test.ts", 'import { a } from "../runtime/a.ts";'],
  ])("sees %s", (_, path, code) => {
    expect(findViolations(planted(path, code))).toHaveLength(1);
  });

  test.each([
    ["its own folder", "core/p.ts", 'import { a } from "./a.ts";'],
    ["a floor below", "engine/p.ts", 'import { a } from "../core/a.ts";\nimport { b } from "../ports/b.ts";'],
    ["a door", "cli/p.ts", 'import { a } from "../runtime/index.ts";'],
    ["a comment", "core/p.ts", '// import { a } from "../engine/a.ts";\n/* import "../engine/b.ts"; */'],
    ["the fakes, in a test", "core/p.test.ts", 'import { a } from "../testing/a.ts";\nimport "vitest";'],
  ])("is content with %s", (_, path, code) => {
    expect(findViolations(planted(path, code))).toEqual([]);
  });

  test("sees a circle, also of types alone", () => {
    const circle = new Map([
      [`${SRC}/core/a.ts`, 'import type { B } from "./b.ts";'],
      [`${SRC}/core/b.ts`, 'export { C } from "./c.ts";'],
      [`${SRC}/core/c.ts`, 'import { A } from "./a.ts";'],
    ]);
    expect(findCycle(circle)).toEqual(["a", "b", "c", "a"].map((name) => `${SRC}/core/${name}.ts`));
  });

  test("sees an import of a file that is not there", () => {
    expect(missingFiles(planted("core/p.ts", 'import "./gone.ts";'))).toHaveLength(1);
  });
});
