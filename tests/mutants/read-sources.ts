import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { findGuards } from "./find-guards.ts";
import { generateMutants } from "./generate-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { parseSource, type SourceFile } from "./syntax-tree.ts";

export const SOURCE_ROOT = fileURLToPath(new URL("../../packages/holdfast/src/", import.meta.url));

/** Where guards are looked for. */
const GUARDED = ["core", "engine", "runtime", "memory", "stores/in-memory"];

/** What mutants are generated from: what decides, what folds, and what performs. */
const GENERATED = /^(core\/(plan|reduce)[a-z-]*|engine\/[a-z-]+)\.ts$/;

/** Files of `engine/` in which the simulation has nothing to look at, and why. */
const NOT_GENERATED: Readonly<Record<string, string>> = {
  "engine/run-spans.ts": "traces go to a collector, and the simulation has none (O1)",
  "engine/stall-monitor.ts": "nothing holds the event loop in virtual time (S2)",
};

const isTest = (path: string): boolean => /\.(test|test-d|fixture|property\.test)\.ts$/.test(path);

/** The sources that may be changed, by path. */
export const readSources = (): ReadonlyMap<string, SourceFile> => {
  const paths = GUARDED.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: SOURCE_ROOT }))
    .map((path) => path.split(sep).join("/"))
    .filter((path) => !isTest(path))
    .toSorted();
  return new Map(
    paths.map((path) => [path, parseSource(path, readFileSync(join(SOURCE_ROOT, path), "utf8"))]),
  );
};

export type AllMutants = { readonly guards: readonly Mutant[]; readonly generated: readonly Mutant[] };

export const allMutants = (sources: ReadonlyMap<string, SourceFile>): AllMutants => ({
  guards: [...sources.values()].flatMap(findGuards),
  generated: [...sources.values()]
    .filter(({ path }) => GENERATED.test(path) && !(path in NOT_GENERATED))
    .flatMap(generateMutants),
});
