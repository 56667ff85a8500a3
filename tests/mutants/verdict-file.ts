/** Keeps what was found out, line by line, so that an interrupted run can be continued. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Verdict } from "./judge.ts";
import { SOURCE_ROOT } from "./read-sources.ts";
import type { Judged } from "./report.ts";

const FILE = fileURLToPath(
  new URL("../../node_modules/.cache/holdfast-mutants/verdicts.jsonl", import.meta.url),
);
const BEFORE = `${FILE}.before`;

type Kept = {
  readonly id: string;
  readonly source: string;
  readonly verdict: Verdict;
  readonly together?: Verdict;
};

const isKept = (value: unknown): value is Kept =>
  typeof value === "object" && value !== null && "id" in value && "source" in value && "verdict" in value;

const readKept = (path: string): readonly Kept[] =>
  !existsSync(path)
    ? []
    : readFileSync(path, "utf8")
        .split("\n")
        .flatMap((line) => {
          if (line === "") return [];
          const kept: unknown = JSON.parse(line);
          return isKept(kept) ? [kept] : [];
        });

/** Everything that the runtime and the simulation are made of. */
const digestOfSource = (): string => {
  const hash = createHash("sha256");
  for (const path of globSync("**/*.ts", { cwd: SOURCE_ROOT }).toSorted()) {
    if (!path.includes(".test")) hash.update(path).update(readFileSync(join(SOURCE_ROOT, path)));
  }
  return hash.digest("hex");
};

export type Verdicts = {
  find(id: string): Kept | undefined;
  hadSurvived(id: string): boolean;
  keep(judged: Judged): void;
};

/** Opens the file of verdicts; those of the last run are kept beside it where a new one begins. */
export const openVerdicts = (isContinued: boolean): Verdicts => {
  mkdirSync(dirname(FILE), { recursive: true });
  if (!isContinued && existsSync(FILE)) renameSync(FILE, BEFORE);
  const source = digestOfSource();
  const earlier = new Map([...readKept(BEFORE), ...readKept(FILE)].map((kept) => [kept.id, kept]));
  const same = new Map(
    readKept(FILE)
      .filter((kept) => kept.source === source)
      .map((kept) => [kept.id, kept]),
  );
  return {
    find: (id) => same.get(id),
    hadSurvived: (id) => earlier.get(id)?.verdict.result === "survived",
    keep: ({ mutant, verdict, together }) =>
      appendFileSync(FILE, `${JSON.stringify({ id: mutant.id, source, verdict, together })}\n`),
  };
};
