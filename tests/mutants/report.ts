import type { Equivalent } from "./equivalents.ts";
import type { Verdict } from "./judge.ts";
import { MUTANT_KINDS, type Mutant, type MutantKind } from "./mutant.ts";
import { NOT_FOUND_YET } from "./not-found-yet.ts";
import { IN_SCOPE } from "./scope.ts";

export type Judged = {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  readonly equivalent: Equivalent | undefined;
  /** What came of it with the guards that stand behind it gone as well. */
  readonly together: Verdict | undefined;
};

/** Of a hundred mutants in which something is broken, so many have to be found. */
const WANTED: Readonly<Record<"guard" | "generated", number>> = { guard: 95, generated: 85 };

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

const isSeen = (verdict: Verdict): boolean => verdict.result === "found" || verdict.result === "fell";

/** Whether something is broken and nobody noticed; or a claim that nothing is broken is not true. */
export const isMissed = ({ verdict, equivalent, together }: Judged): boolean => {
  if (verdict.result === "stillborn") return false;
  if (equivalent === undefined) return !isSeen(verdict);
  return together !== undefined && !isSeen(together);
};

/** Called equivalent, and found. */
const isBelied = ({ verdict, equivalent }: Judged): boolean => equivalent !== undefined && isSeen(verdict);

type Count = {
  readonly broken: number;
  readonly found: number;
  readonly equal: number;
  readonly stillborn: number;
};

const countOf = (judged: readonly Judged[]): Count => {
  const found = judged.filter(({ verdict }) => isSeen(verdict)).length;
  const missed = judged.filter(isMissed).length;
  const stillborn = judged.filter(({ verdict }) => verdict.result === "stillborn").length;
  return { broken: found + missed, found, stillborn, equal: judged.length - found - missed - stillborn };
};

const percent = ({ found, broken }: Count): number => (broken === 0 ? 100 : (found / broken) * 100);

const row = (name: string, judged: readonly Judged[]): string => {
  const count = countOf(judged);
  const cells = [count.found, count.broken - count.found, count.equal, count.stillborn];
  const share = count.broken === 0 ? "" : `${percent(count).toFixed(1)} %`;
  return `${name.padEnd(20)}${cells.map((cell) => String(cell).padStart(11)).join("")}${share.padStart(10)}`;
};

const HEAD = `${"".padEnd(20)}${["found", "missed", "equivalent", "stillborn"].map((name) => name.padStart(11)).join("")}`;

const sayTables = (judged: readonly Judged[]): void => {
  const ofKind = (kind: MutantKind): readonly Judged[] => judged.filter(({ mutant }) => mutant.kind === kind);
  say(`\n${HEAD}`);
  for (const kind of MUTANT_KINDS) say(row(kind, ofKind(kind)));
  say(`\nguards by promise\n${HEAD}`);
  for (const promise of IN_SCOPE) {
    const kept = ofKind("guard").filter(({ mutant }) => mutant.promises.includes(promise));
    if (kept.length > 0) say(row(promise, kept));
  }
};

const sayMissed = (judged: readonly Judged[]): void => {
  const missed = judged.filter(isMissed);
  if (missed.length > 0) say("\nmissed:");
  for (const { mutant, verdict, together } of missed) {
    const seeds = verdict.result === "survived" ? verdict.seeds : 0;
    const what = together === undefined ? "" : ", also together with the guards named behind it";
    say(`  ${mutant.file}:${mutant.line} ${mutant.promises.join(", ")} after ${seeds} seeds${what}`);
    say(`    ${mutant.id}\n    - ${mutant.was}\n    + ${mutant.now}`);
    const wanted = NOT_FOUND_YET.find(({ id }) => id === mutant.id)?.wanted;
    if (wanted !== undefined) say(`    wanted: ${wanted}`);
  }
};

/** Says what came of all of them; answers the exit code. */
export const report = (judged: readonly Judged[]): number => {
  sayTables(judged);
  sayMissed(judged);
  const belied = judged.filter(isBelied);
  for (const { mutant } of belied) say(`listed as equivalent, and found: ${mutant.id}`);
  const late = new Set(NOT_FOUND_YET.map(({ id }) => id));
  for (const { mutant } of judged.filter(({ mutant, verdict }) => late.has(mutant.id) && isSeen(verdict)))
    say(`found now, and still in not-found-yet.ts: ${mutant.id}`);
  const guards = countOf(judged.filter(({ mutant }) => mutant.kind === "guard"));
  const generated = countOf(judged.filter(({ mutant }) => mutant.kind !== "guard"));
  say(
    `\nguards: ${guards.found} of ${guards.broken} found, ${percent(guards).toFixed(1)} % (wanted: ${WANTED.guard} %)`,
  );
  say(
    `generated: ${generated.found} of ${generated.broken} found, ${percent(generated).toFixed(1)} % (wanted: ${WANTED.generated} %)`,
  );
  const isEnough = percent(guards) >= WANTED.guard && percent(generated) >= WANTED.generated;
  return isEnough && belied.length === 0 ? 0 : 1;
};
