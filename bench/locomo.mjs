/**
 * `node --conditions=holdfast-source bench/locomo.mjs PATH/locomo10.json`: how much of the evidence of the questions of LoCoMo (Maharana and
 * others, ACL 2024) a recall finds without any model, among the first 5, 10 and 20 turns, and what each ingredient gives. The file is at
 * github.com/snap-research/locomo, under a licence for non-commercial use; it is not shipped. Conversations 1 to 5 are for tuning, 6 to 10 to see
 * whether that was tuning.
 */
import { measureLocomo, VARIANTS } from "./memory/locomo.mjs";

const path = process.argv[2];
if (path === undefined) {
  process.stderr.write("usage: node --conditions=holdfast-source bench/locomo.mjs PATH/locomo10.json\n");
  process.exit(2);
}

const percent = (value) => value.toFixed(3).replace(/^0/, "");
process.stdout.write(
  "| | conversations | questions | @5 | @10 | @20 | a turn in | a query |\n|---|---|---|---|---|---|---|---|\n",
);
for (const variant of VARIANTS) {
  const rows = await measureLocomo(path, variant);
  for (const { part, questions, recall, ingestMs, queryMs } of rows)
    process.stdout.write(
      `| ${variant.name} | ${part} | ${questions} | ${recall.map(percent).join(" | ")} | ${ingestMs.toFixed(2)} ms | ${queryMs.toFixed(2)} ms |\n`,
    );
}
