/**
 * Takes guards out of the source, one at a time, and lets the sequences look for what that breaks:
 * `npm run model:mutants -- --promises E4,E5,S4,J6`. Exits 1 when one of those in `planted.ts` is not found.
 */
import { parseArgs } from "node:util";
import { plant } from "../mutants/mutant.ts";
import { allMutants, readSources } from "../mutants/read-sources.ts";
import { judgePlanted } from "./plant.ts";
import { PLANTED } from "./planted.ts";

const { values } = parseArgs({
  options: {
    /** Guards of these promises; without it, those of the list. */
    promises: { type: "string" },
    only: { type: "string", default: "" },
    steps: { type: "string", default: "30000" },
    limit: { type: "string", default: "120" },
    seed: { type: "string", default: "1" },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const sources = readSources();
const promises = values.promises?.split(",") ?? null;
const chosen = allMutants(sources)
  .guards.filter(({ id }) => id.includes(values.only))
  .filter((guard) =>
    promises === null
      ? PLANTED.includes(guard.id)
      : guard.promises.some((promise) => promises.includes(promise)),
  );
const planting = { steps: Number(values.steps), seed: Number(values.seed), limitS: Number(values.limit) };
let found = 0;
for (const guard of chosen) {
  const verdict = await judgePlanted(plant(sources, [guard]), planting);
  if (verdict.result === "found") found += 1;
  say(
    `${verdict.result}: ${guard.promises.join(", ")} ${guard.id}${"how" in verdict ? `: ${verdict.how}` : ""}`,
  );
}
say(`${found} of ${chosen.length} found`);
const wanted = PLANTED.filter((id) => id.includes(values.only)).length;
process.exitCode = promises === null && found < wanted ? 1 : 0;
