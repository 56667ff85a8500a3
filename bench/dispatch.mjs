/**
 * `node bench/dispatch.mjs`: what Holdfast adds to one tool call of each kind, beside the bare
 * client library that does the same, in the same run. Writes DISPATCH.md. `--only mcp-http` takes one kind and prints it.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { defineTool } from "../packages/holdfast/src/index.ts";
import { KINDS } from "./dispatch/kinds.mjs";
import { measureCalls } from "./dispatch/measure-calls.mjs";
import { percentile, table } from "./parts/statistics.mjs";

const ROUNDS = 3;
const at = process.argv.indexOf("--only");
const only = at < 0 ? null : process.argv[at + 1];
const load = loadavg()[0];

const ms = (value) => value.toFixed(value < 10 ? 3 : 1);
const p50 = (values) => percentile(values, 0.5);

const bareTimes = async (bare, calls) => {
  const times = [];
  for (let n = 0; n < calls; n += 1) {
    const begun = performance.now();
    await bare(n);
    times.push(performance.now() - begun);
  }
  return times;
};

/**
 * The bare client as the body of a function tool: called in the same rhythm as the tool is, with the same waits for commits in
 * between, in which processors, processes and connections come to rest. One call right after another finds them all awake.
 */
const bareTool = (bare) => {
  let made = 0;
  return defineTool()({
    name: "bare",
    description: "the bare client",
    inputSchema: { type: "object" },
    effect: "read",
    execute: async () => {
      made += 1;
      await bare(made);
      return { made };
    },
  });
};

const measure = async (kind) => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-dispatch-"));
  const opened = await kind.open(folder);
  const found = { tight: [], bare: [], body: [], between: [], commit: [], coldBare: 0, cold: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const tight = await bareTimes(opened.bare, kind.calls);
    if (round === 0) found.coldBare = tight[0];
    found.tight.push(...tight.slice(1));
    const asTool = { tool: bareTool(opened.bare), input: () => ({}), check: () => true };
    const bare = await measureCalls(asTool, { calls: kind.calls, dataDir: join(folder, `bare-${round}`) });
    found.bare.push(...bare.body.slice(1));
    const ours = await measureCalls(opened, { calls: kind.calls, dataDir: join(folder, `data-${round}`) });
    if (round === 0) found.cold = ours.body[0];
    found.body.push(...ours.body.slice(1));
    found.between.push(...ours.between);
    found.commit.push(...ours.commit);
  }
  await opened.close();
  await rm(folder, { recursive: true, force: true });
  return { kind, found };
};

const row = ({ kind, found }) => {
  const bare = p50(found.bare);
  const inside = Math.max(0, p50(found.body) - bare);
  const around = p50(found.between);
  const added = inside + around;
  const limit = kind.name === "function" ? 0.2 : Math.max(0.5, bare * 0.2);
  const verdict = added <= limit ? "reached" : `**missed by a factor of ${(added / limit).toFixed(2)}**`;
  const cold = `${ms(found.coldBare)} / ${ms(found.cold)}`;
  return [
    kind.what,
    ms(p50(found.tight)),
    ms(bare),
    ms(inside),
    ms(around),
    ms(added),
    ms(limit),
    verdict,
    ms(p50(found.commit)),
    cold,
  ];
};

const rows = [];
for (const kind of KINDS) {
  if (only !== null && kind.name !== only) continue;
  console.error(`${kind.name}: ${ROUNDS} rounds of ${kind.calls} calls`);
  rows.push(row(await measure(kind)));
}

const HEAD = [
  "kind",
  "bare p50, one right after another",
  "bare p50, in the tool's rhythm",
  "added in the tool",
  "added around it",
  "added",
  "target",
  "",
  "commit wait p50",
  "first call, bare / Holdfast",
];

const text = `# What a tool call costs beyond the call itself

Written by \`node bench/dispatch.mjs\`. Do not edit.

${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}; load when it began: ${load.toFixed(1)}.

Each answer of a scripted model asks for 20 calls, one is made after another, in one session, with default durability. Milliseconds, p50 of all
calls but the first, of ${ROUNDS} rounds that alternate with the bare client: once called one right after another, and once by a function tool in the rhythm of the measured one, with
the same waits for commits in between, in which processors, processes and connections come to rest.
*Added in the tool*: what its \`execute\` takes beyond the bare client doing the same in the same rhythm. *Added around it*: from the end of one \`execute\` to the begin of the next, without the wait
for the commit, which is shown apart: checking the result, events, hashes, the plan, and entering the next call. The first call opens what the kind needs: a process, a connection, an engine.

${table(HEAD, rows)}
`;
if (only === null) {
  await writeFile(join(import.meta.dirname, "DISPATCH.md"), text);
  console.error("wrote bench/DISPATCH.md");
} else {
  console.log(text);
}
process.exit(0);
