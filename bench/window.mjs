/**
 * `node --conditions=holdfast-source bench/window.mjs`: one session of many turns whose tool gives 1 KB to 1 MB of English, code, JSON and
 * Chinese, over HTTP against the model server, which refuses conversations as OpenAI's does. Each prompt is counted with OpenAI's own
 * tokenizer (o200k), whole: the server reports that count, and it is held against the limit.
 *
 * `--turns 10000`, `--limit 32000` (tokens), `--per-run 40` (turns).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOpenAI } from "@ai-sdk/openai";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { createModelServer } from "holdfast/testing";
import { historyTool } from "holdfast/tools";

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const TURNS = option("turns", 10_000);
const LIMIT = option("limit", 32_000);
const PER_RUN = option("per-run", 40);

const TEXTS = [
  "The harbour master wrote down every ship that came in before the storm, and the two that never did. ",
  "export const sum = (values) => values.reduce((left, right) => left + right, 0);\n",
  '{"id":48213,"name":"Ida","tags":["a","b"],"balance":-12.75,"at":"2026-11-30T10:00:00Z"},',
  "港口的管理员记下了暴风雨来临之前进港的每一艘船，也记下了再也没有回来的那两艘。",
];
/** Lehmer's generator, so that every round is the same. */
let state = 1;
const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
const KB = 1_000;

/** Sizes between 1 KB and 1 MB, each order of magnitude as often as the others. */
const report = () => {
  const bytes = Math.floor(KB * 1_000 ** random());
  const text = TEXTS[Math.floor(random() * TEXTS.length)];
  return text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
};

const textsIn = (body) =>
  body.messages.flatMap(({ content, tool_calls: calls = [] }) => [
    typeof content === "string" ? content : JSON.stringify(content ?? ""),
    ...calls.map((call) => JSON.stringify(call.function)),
  ]);
/** Every text of the prompt and its tools, and what OpenAI documents around each message. */
const tokensOf = (body) =>
  textsIn(body).reduce((sum, text) => sum + countTokens(text), 0) +
  body.messages.length * 4 +
  countTokens(JSON.stringify(body.tools ?? []));

const seen = { turns: 0, most: 0, over: 0, sameBytes: 0, bytes: 0, refused: 0 };
let before = "";
const note = (body) => {
  const prompt = JSON.stringify(body.messages).slice(0, -1);
  const tokens = tokensOf(body);
  seen.turns += 1;
  seen.most = Math.max(seen.most, tokens);
  seen.over += tokens > LIMIT ? 1 : 0;
  if (before !== "") seen.bytes += before.length;
  if (before !== "" && prompt.startsWith(before)) seen.sameBytes += before.length;
  before = prompt;
  return tokens;
};

await using server = await createModelServer({
  script: ({ body, index }) => {
    const usage = { inputTokens: note(body), outputTokens: 20 };
    if (index % PER_RUN === PER_RUN - 1) return { text: "That is all of it.", usage };
    return { text: "On to the next.", toolCalls: [{ name: "report", input: { number: index } }], usage };
  },
});

const folder = await mkdtemp(join(tmpdir(), "holdfast-window-"));
const clerk = defineAgent({
  name: "clerk",
  model: createOpenAI({ apiKey: "none", baseURL: `${server.url}/v1` }).chat("gpt-test"),
  instructions: "Read every report.",
  tools: [
    defineTool()({
      name: "report",
      description: "Gives a report.",
      inputSchema: { type: "object", properties: { number: { type: "number" } } },
      effect: "read",
      execute: async () => report(),
    }),
    historyTool(),
  ],
  limits: { maxPromptTokens: LIMIT, maxTurns: PER_RUN + 1, maxDurationMs: 36_000_000 },
});
const runtime = await createRuntime({ agents: [clerk], dataDir: folder });
const session = await runtime.createSession(clerk);
const began = performance.now();
let runs = 0;
while (seen.turns < TURNS) {
  runs += 1;
  const outcome = await (await session.send(`Read the reports of week ${runs}.`)).outcome();
  if (outcome.status !== "completed") throw new Error(`Run ${runs}: ${JSON.stringify(outcome)}`);
}
const seconds = (performance.now() - began) / 1_000;
let compactions = 0;
let summaries = 0;
for await (const { type, header } of session.history()) {
  if (type !== "context.compacted") continue;
  compactions += 1;
  if (header.summaryChars > 0) summaries += 1;
}
await runtime.close();
await rm(folder, { recursive: true, force: true });

console.log(`turns                              ${seen.turns} in ${runs} runs, ${seconds.toFixed(0)} s`);
console.log(
  `largest prompt                     ${seen.most} tokens of ${LIMIT}; ${seen.over} prompts over it`,
);
console.log(`made shorter                       ${compactions} times, ${summaries} of them with a summary`);
console.log(
  `prompt as in the turn before       ${((100 * seen.sameBytes) / seen.bytes).toFixed(1)} % of its bytes, from the beginning`,
);
console.log(`memory (RSS)                       ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
