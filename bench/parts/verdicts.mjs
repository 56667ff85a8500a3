/** Holds what was measured against the targets. */
import { median, spread, table } from "./statistics.mjs";

/** By what factor a target was missed; at most 1 where it was reached. */
const missedBy = ({ atLeast, atMost }, value) => {
  if (atMost !== undefined) return value / atMost;
  // Nothing at all, or less than that, is infinitely far from a target.
  return value > 0 ? atLeast / value : Number.POSITIVE_INFINITY;
};

/** One verdict for each target whose bench was run. What says nothing about a target is not judged, and says why. */
export const judge = (targets, { measured, ran }) => {
  const keys = new Set(targets.map(({ key }) => key));
  const stray = Object.keys(measured).find((key) => !keys.has(key));
  if (stray !== undefined)
    throw new Error(`"${stray}" was measured, and no target in targets.mjs asks for it.`);
  return targets
    .filter(({ bench }) => ran.includes(bench))
    .map((target) => {
      const { values = [], at = {} } = measured[target.key] ?? {};
      const problem = problemOf(target, { values, at });
      if (problem !== null) return { target, values, problem, isReached: false };
      const factor = missedBy(target, median(values));
      return { target, values, factor, problem: null, isReached: factor <= 1 };
    });
};

/** Why what a bench handed back says nothing about the target; null when it does. */
const problemOf = (target, { values, at }) => {
  if (values.length < target.runs || values.some((value) => !Number.isFinite(value))) {
    return `measured ${values.length} times, not ${target.runs} times with a number each`;
  }
  const other = Object.keys(target.at).find((size) => target.at[size] !== at[size]);
  if (other === undefined) return null;
  return `measured with ${other} ${at[other]}, and the target is about ${target.at[other]}`;
};

const limit = ({ atLeast, atMost, unit }) =>
  `${atMost === undefined ? "≥" : "≤"} ${(atMost ?? atLeast).toLocaleString("en-US")} ${unit}`;

const verdict = ({ isReached, factor, problem }) => {
  if (problem !== null) return `**not judged: ${problem}**`;
  if (isReached) return "reached";
  return `**missed by a factor of ${factor.toFixed(factor < 1.095 ? 3 : 2)}**`;
};

export const verdictTable = (verdicts) =>
  table(
    ["what", "target", "measured, median (min–max)", "", "bench"],
    verdicts.map((each) => [
      each.target.what,
      limit(each.target),
      each.values.length === 0 ? "" : `${spread(each.values)} ${each.target.unit}`,
      verdict(each),
      `\`${each.target.bench}\``,
    ]),
  );

/** Notes are written by hand under `## key` headings. Answers those of the targets that were not reached. */
export const notesFor = (verdicts, { notes, targets }) => {
  const sections = new Map(
    notes
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [key, ...lines] = section.split("\n");
        return [key.trim(), lines.join("\n").trim()];
      }),
  );
  for (const key of sections.keys()) {
    if (!targets.some((target) => target.key === key))
      throw new Error(`NOTES.md has a heading "${key}", which is no target.`);
  }
  return verdicts
    .filter(({ isReached, problem }) => !isReached && problem === null)
    .map(({ target, factor }) => {
      const words = sections.get(target.key) || "Nothing has been written about this yet, in `NOTES.md`.";
      return `### ${target.what}: ${limit(target)}, missed by a factor of ${factor.toFixed(2)}\n\n${words}`;
    })
    .join("\n\n");
};
