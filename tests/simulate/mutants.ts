/**
 * Removes one guard at a time from a copy of the source and lets the simulation look for it: `npm run mutants`.
 * A simulator that finds no planted bug proves nothing. Exits 1 when a mutant survives that has no reason to.
 * `--seeds N` bounds the search, `--only TEXT` picks mutants by name, `--parallel N` plays several at once.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MUTANTS, type Mutant } from "./mutant-list.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "600" },
    only: { type: "string", default: "" },
    parallel: { type: "string", default: "2" },
  },
});

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PACKAGE = join(ROOT, "packages/holdfast");
const LONGEST_MS = 90_000;

/** A copy of the package with one guard less. */
const plant = async ({ name, also, ...first }: Mutant): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mutant-"));
  await cp(join(PACKAGE, "src"), join(folder, "src"), { recursive: true });
  await cp(join(PACKAGE, "package.json"), join(folder, "package.json"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await cp(join(ROOT, "tests/simulate/run.ts"), join(folder, "run.ts"));
  for (const { file, remove, put } of also === undefined ? [first] : [first, also]) {
    const path = join(folder, "src", file);
    const source = await readFile(path, "utf8");
    const found = source.split(remove).length - 1;
    // A guard that was moved or reworded has to be named anew, or nothing is tested here.
    if (found !== 1) throw new TypeError(`${name}: the text to remove is there ${found} times in ${file}`);
    await writeFile(
      path,
      source.replace(remove, () => put),
    );
  }
  return folder;
};

type Verdict = { readonly mutant: Mutant; readonly isFound: boolean; readonly how: string };

const play = (folder: string): Promise<{ readonly code: number | null; readonly output: string }> => {
  const node = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source", "run.ts"];
  const child = spawn(process.execPath, [...node, "--stop-at-first", "--seeds", values.seeds], {
    cwd: folder,
    timeout: LONGEST_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve({ code, output }));
  });
};

const judge = async (mutant: Mutant): Promise<Verdict> => {
  const folder = await plant(mutant);
  try {
    const { code, output } = await play(folder);
    // A process that never comes back has found its bug as well: the world stands still.
    const first = output.split("\n").slice(0, 2).join(" ").replaceAll(/\s+/g, " ").slice(0, 150);
    const how = code === null ? `stands still (killed after ${LONGEST_MS / 1_000} s)` : first;
    return { mutant, isFound: code !== 0, how };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const queue = MUTANTS.filter(({ name }) => name.includes(values.only));
const verdicts: Verdict[] = [];
const worker = async (): Promise<void> => {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const verdict = await judge(mutant);
    verdicts.push(verdict);
    const word = verdict.isFound ? "found " : mutant.equivalent === undefined ? "MISSED" : "equal ";
    say(
      `${word} ${mutant.promise.padEnd(3)} ${mutant.name}: ${verdict.isFound ? verdict.how : (mutant.equivalent ?? "")}`,
    );
  }
};
await Promise.all(Array.from({ length: Number(values.parallel) }, worker));

const missed = verdicts.filter(({ isFound, mutant }) => !isFound && mutant.equivalent === undefined);
say(
  `${verdicts.filter(({ isFound }) => isFound).length} of ${verdicts.length} found, ${missed.length} missed`,
);
process.exitCode = missed.length === 0 ? 0 : 1;
