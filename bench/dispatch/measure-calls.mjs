/** Makes calls of one tool through a runtime, one after another, and says where their time went. */
import { createRuntime, defineAgent } from "../../packages/holdfast/src/index.ts";
import { createSqliteStore } from "../../packages/holdfast/src/stores/index.ts";
import { scriptedModel } from "../../packages/holdfast/src/testing/index.ts";
import { sha256 } from "../../packages/holdfast/src/runtime/node-sha256.ts";
import { createSystemClock } from "../../packages/holdfast/src/runtime/system-clock.ts";

/** The store, noting when a commit was asked for and when it was answered. */
const watched = (store, waits) =>
  new Proxy(store, {
    get: (target, name) => {
      const member = target[name];
      if (name !== "commit") return typeof member === "function" ? member.bind(target) : member;
      return async (request) => {
        const begun = performance.now();
        const answer = await target.commit(request);
        waits.push({ begun, ended: performance.now() });
        return answer;
      };
    },
  });

/** The tool, noting when it was entered and left. */
const timed = (tool, entries) => ({
  ...tool,
  execute: async (input, context) => {
    const entry = { in: performance.now(), out: 0 };
    entries.push(entry);
    try {
      return await tool.execute(input, context);
    } finally {
      entry.out = performance.now();
    }
  },
});

/** Calls that one answer asks for. */
const A_TURN = 20;

export const measureCalls = async ({ tool, input, check }, { calls, dataDir }) => {
  const entries = [];
  const waits = [];
  let made = 0;
  const model = scriptedModel(() => {
    const first = made;
    made += A_TURN;
    if (first >= calls) return { text: "done" };
    return {
      toolCalls: Array.from({ length: A_TURN }, (_, n) => ({ name: tool.name, input: input(first + n) })),
    };
  });
  const limits = { maxParallelToolCalls: 1, maxTurns: 1_000, maxDurationMs: 3_600_000 };
  const agent = defineAgent({
    name: "caller",
    instructions: "",
    model,
    tools: [timed(tool, entries)],
    limits,
  });
  const clock = createSystemClock();
  const store = watched(await createSqliteStore({ dataDir, clock, sha256 }), waits);
  const runtime = await createRuntime({ agents: [agent], dataDir, store });
  const session = await runtime.createSession(agent, { tenant: "bench" });
  const run = await session.send("Call it.");
  const outcome = await run.outcome();
  if (outcome.status !== "completed" || entries.length < calls)
    throw new Error(`${tool.name}: ${entries.length} calls, ${JSON.stringify(outcome)}`);
  for await (const event of session.history()) {
    if (event.type === "tool-call.failed" || event.type === "tool-call.unknown")
      throw new Error(`${tool.name}: ${JSON.stringify(event)}`);
    if (event.type === "tool-call.completed" && !check(JSON.stringify(event.payload)))
      throw new Error(`${tool.name}: ${JSON.stringify(event.payload).slice(0, 300)}`);
  }
  await runtime.close();
  const between = [];
  const commit = [];
  entries.slice(1).forEach((entry, index) => {
    const last = entries[index];
    // Between two turns the model is asked.
    if ((index + 1) % A_TURN === 0) return;
    const wait = waits.find(({ begun, ended }) => begun >= last.out && ended <= entry.in);
    if (wait === undefined) return;
    commit.push(wait.ended - wait.begun);
    between.push(entry.in - last.out - (wait.ended - wait.begun));
  });
  return { body: entries.map((entry) => entry.out - entry.in), between, commit };
};
