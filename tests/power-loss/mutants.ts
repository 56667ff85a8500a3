/**
 * Plants faults that only a loss of power shows, one at a time, in a copy of the source: `npm run
 * power-loss:mutants`. A check that does not find them finds nothing. Exits 1 when one is missed, or when
 * the source without a fault fails. `--images N` bounds the search for each.
 */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { losePower } from "./lose-power.ts";
import { SCENARIOS } from "./scenarios.ts";
import { whyNotTraceable } from "./trace.ts";

type Mutant = {
  readonly name: string;
  /** Under `packages/holdfast/src/stores/sqlite/`. */
  readonly file: string;
  readonly remove: string;
  readonly put: string;
  readonly scenario: string;
};

const MUTANTS: readonly Mutant[] = [
  {
    name: "synchronous is OFF",
    file: "connection.ts",
    remove: "PRAGMA synchronous = FULL;",
    put: "PRAGMA synchronous = OFF;",
    scenario: "sessions",
  },
  {
    name: "synchronous is NORMAL where durability is full",
    file: "connection.ts",
    remove: "PRAGMA synchronous = FULL;",
    put: "PRAGMA synchronous = NORMAL;",
    scenario: "sessions",
  },
  {
    name: "answers before it commits",
    file: "sqlite-worker.ts",
    remove: "    reply(store.write(requests));",
    put: "    store.acknowledge = reply;\n    store.write(requests);",
    scenario: "sessions",
  },
  {
    name: "accepted inputs do not wait for the disk where durability is relaxed",
    file: "store-thread.ts",
    remove: 'durability === "full" || batch.writes.some(mustSync)',
    put: 'durability === "full"',
    scenario: "relaxed",
  },
  {
    name: "the content of a blob is not synced",
    file: "blob-files.ts",
    remove: "    await file.sync();\n",
    put: "",
    scenario: "sessions",
  },
  {
    name: "the name of a blob is not synced",
    file: "blob-files.ts",
    remove: "for (const place of [folder, dirname(folder), dataDir]) syncFolder(place);",
    put: "",
    scenario: "sessions",
  },
  {
    name: "the folder of blobs is not synced into the data directory",
    file: "blob-files.ts",
    remove: "[folder, dirname(folder), dataDir]",
    put: "[folder, dirname(folder)]",
    scenario: "sessions",
  },
  {
    name: "the name of the data directory is not synced",
    file: "sync-path.ts",
    remove: "  syncParent(path);\n",
    put: "",
    scenario: "sessions",
  },
  {
    name: "the files of an erasure go before it is stored",
    file: "erase.ts",
    remove: "  transaction.erased.push({ sessionId, digests: upTo === null ? null : digests });",
    put: "  for (const digest of digests) rmSync(blobPath(transaction.dataDir, sessionId, digest), { force: true });",
    scenario: "sessions",
  },
];

/** Lets the thread answer from inside the transaction, for the one mutant that does. */
const EARLY_ANSWER = {
  file: "store-thread.ts",
  changes: [
    ["  #erased: ErasedFiles[] = [];\n", "  #erased: ErasedFiles[] = [];\n  acknowledge = null;\n"],
    [
      "      beforeCommit?.(answers);\n",
      "      beforeCommit?.(answers);\n      this.acknowledge?.(answers);\n",
    ],
  ],
} as const;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STORE = "packages/holdfast/src/stores/sqlite";

const replaceOnce = async (path: string, remove: string, put: string): Promise<void> => {
  const source = await readFile(path, "utf8");
  const found = source.split(remove).length - 1;
  // A guard that was moved or reworded has to be named anew, or nothing is tested here.
  if (found !== 1) throw new TypeError(`${path}: the text to remove is there ${found} times: ${remove}`);
  await writeFile(
    path,
    source.replace(remove, () => put),
  );
};

/** A copy of what the traced program needs, with the fault in it. */
const plant = async ({ file, remove, put, name }: Mutant): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
  for (const part of ["packages/holdfast/src", "packages/holdfast/package.json", "tests/power-loss"]) {
    await mkdir(dirname(join(folder, part)), { recursive: true });
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await cp(join(ROOT, "package.json"), join(folder, "package.json"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await replaceOnce(join(folder, STORE, file), remove, put);
  if (name !== "answers before it commits") return folder;
  for (const [from, to] of EARLY_ANSWER.changes)
    await replaceOnce(join(folder, STORE, EARLY_ANSWER.file), from, to);
  return folder;
};

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: { images: { type: "string", default: "400" }, only: { type: "string", default: "" } },
});

const search = async (name: string, workload?: string) => {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new TypeError(`There is no scenario ${name}.`);
  const planted = workload === undefined ? {} : { workload };
  return losePower(scenario, { most: Number(values.images), seed: 1, stopAtFirst: true, ...planted });
};

const find = async (mutant: Mutant): Promise<boolean> => {
  const folder = await plant(mutant);
  try {
    const workload = join(folder, "tests/power-loss/workload.ts");
    const { failing, images, problems } = await search(mutant.scenario, workload);
    say(`${failing > 0 ? "found " : "MISSED"} ${mutant.name} (${images} images): ${problems[0] ?? ""}`);
    return failing > 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const main = async (): Promise<number> => {
  const why = whyNotTraceable();
  if (why !== null) {
    say(`skipped: ${why}`);
    return 0;
  }
  const found: boolean[] = [];
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(values.only)))
    found.push(await find(mutant));
  for (const name of new Set(MUTANTS.map(({ scenario }) => scenario))) {
    const { failing, images, problems } = await search(name);
    say(
      `${failing === 0 ? "clean " : "FAILED"} without a fault, ${name} (${images} images) ${problems[0] ?? ""}`,
    );
    found.push(failing === 0);
  }
  const passed = found.filter(Boolean).length;
  say(`${passed} passed, ${found.length - passed} failed`);
  return passed === found.length && passed > 0 ? 0 : 1;
};

process.exitCode = await main();
