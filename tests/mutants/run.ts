/**
 * Plants every mutant, one at a time, and lets the simulation alone look for it: `npm run mutants`.
 * Exits 1 when too many are missed, when a promise in scope has no guard, or when a list here is no longer true.
 */
import { parseArgs } from "node:util";
import { EQUIVALENTS } from "./equivalents.ts";
import { noteFoundAtOnce, readFoundAtOnce } from "./found-at-once.ts";
import { judge, type Verdict } from "./judge.ts";
import { listProblems } from "./list-problems.ts";
import { plant, type Mutant } from "./mutant.ts";
import { allMutants, readSources } from "./read-sources.ts";
import { isMissed, report, say, type Judged } from "./report.ts";
import { sampleOf } from "./sample.ts";
import { openVerdicts } from "./verdict-file.ts";

const { values } = parseArgs({
  options: {
    /** Seconds of processor time that one mutant gets. */
    limit: { type: "string", default: "120" },
    /** What each gets first: most are found at once. */
    triage: { type: "string", default: "15" },
    parallel: { type: "string", default: "1" },
    /** Of the generated ones, this many, drawn by `--draw`; 0 for none. */
    generated: { type: "string", default: "300" },
    /** Of the guards, this many, drawn by `--draw`; without it all. */
    guards: { type: "string", default: "" },
    draw: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    /** Takes the verdicts that an interrupted run on the same source has left. */
    continue: { type: "boolean", default: false },
    /** Plays only what survived in the last run, whatever the source was then. */
    survivors: { type: "boolean", default: false },
    /** Draws so many guards of `found-at-once.txt`, gives each the first look, and wants them all. */
    quick: { type: "string", default: "" },
    /** Takes note in `found-at-once.txt` of guards that the first look has found, or not. */
    note: { type: "boolean", default: false },
    /** Says what there is and plays nothing. */
    list: { type: "boolean", default: false },
  },
});

const sources = readSources();
const all = allMutants(sources);
const known = new Map([...all.guards, ...all.generated].map((mutant) => [mutant.id, mutant]));
const equivalents = new Map(EQUIVALENTS.map((entry) => [entry.id, entry]));
const verdicts = openVerdicts(values.continue);
const AT_ONCE_SEEDS = 60;
const isQuick = values.quick !== "";
const limitS = Number(isQuick ? values.triage : values.limit);
const triageS = Math.min(limitS, Number(values.triage));

const chosen = (mutants: readonly Mutant[], count: string): readonly Mutant[] => {
  const named = mutants.filter(({ id }) => id.includes(values.only));
  const left = values.survivors ? named.filter(({ id }) => verdicts.hadSurvived(id)) : named;
  return count === "" || values.survivors ? left : sampleOf(left, Number(count), values.draw);
};

/** Short first, then the rest of the time, from the next seed on. */
const search = async (mutants: readonly Mutant[], isLong: boolean): Promise<Verdict> => {
  const files = plant(sources, mutants);
  const first = await judge(files, { from: 1, limitS: triageS });
  if (first.result !== "survived" || !isLong || limitS <= triageS) return first;
  const second = await judge(files, { from: first.seeds + 1, limitS: limitS - triageS });
  return second.result === "survived" ? { result: "survived", seeds: first.seeds + second.seeds } : second;
};

/** Of one said to be equivalent: that it is not found alone, and is found with those that stand behind it. */
const judgeOne = async (mutant: Mutant): Promise<Judged> => {
  const equivalent = equivalents.get(mutant.id);
  const kept = verdicts.find(mutant.id);
  const verdict = kept?.verdict ?? (await search([mutant], equivalent === undefined));
  if (equivalent?.together === undefined) return { mutant, verdict, equivalent, together: undefined };
  const others = equivalent.together.flatMap((id) => known.get(id) ?? []);
  const together = kept?.together ?? (await search([mutant, ...others], true));
  return { mutant, verdict, equivalent, together };
};

const playAll = async (mutants: readonly Mutant[]): Promise<readonly Judged[]> => {
  const queue = [...mutants];
  const judged: Judged[] = [];
  const work = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const one = await judgeOne(mutant);
      judged.push(one);
      verdicts.keep(one);
      const word = isMissed(one) ? "MISSED" : one.equivalent === undefined ? one.verdict.result : "equal";
      const how = "how" in one.verdict ? one.verdict.how : `${one.verdict.seeds} seeds`;
      say(`${String(judged.length).padStart(4)}/${mutants.length} ${word.padEnd(9)} ${mutant.id}: ${how}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.parallel) }, work));
  return judged;
};

const foundAtOnce = readFoundAtOnce();

const queueOf = (): readonly Mutant[] =>
  isQuick
    ? sampleOf(
        all.guards.filter(({ id }) => foundAtOnce.has(id)),
        Number(values.quick),
        values.draw,
      )
    : [...chosen(all.guards, values.guards), ...chosen(all.generated, values.generated)];

/** Only what needed no second look: its seeds are few. */
const note = (judged: readonly Judged[]): void => {
  const guards = judged.filter(({ mutant }) => mutant.kind === "guard");
  const isAtOnce = ({ verdict }: Judged): boolean =>
    (verdict.result === "found" || verdict.result === "fell") && verdict.seed <= AT_ONCE_SEEDS;
  const idsOf = (some: readonly Judged[]): readonly string[] => some.map(({ mutant }) => mutant.id);
  noteFoundAtOnce(idsOf(guards.filter(isAtOnce)), idsOf(guards.filter((one) => !isAtOnce(one))));
};

const main = async (): Promise<number> => {
  const problems = listProblems(all);
  for (const problem of problems) say(problem);
  if (problems.length > 0) return 1;
  const queue = queueOf();
  say(`${queue.length} of ${all.guards.length} guards and ${all.generated.length} generated mutants`);
  if (values.list) {
    for (const { id, line, was, now } of queue) say(`${line} ${id}\n    ${was} → ${now}`);
    return 0;
  }
  // A simulator that complains of the source as it is would find every mutant.
  const clean = await judge(new Map(), { from: 1, limitS });
  if (clean.result !== "survived") {
    say(
      `The source as it is fails, so nothing can be found in it: seed ${"seed" in clean ? clean.seed : "-"}, ${clean.how}`,
    );
    return 1;
  }
  say(`the source as it is: ${clean.seeds} seeds in ${limitS} s, nothing found`);
  const judged = await playAll(queue);
  if (values.note) note(judged);
  const code = report(judged);
  return isQuick && judged.some(isMissed) ? 1 : code;
};

process.exitCode = await main();
