import { z } from "zod";
import { createSqliteMemory } from "../memory/index.ts";
import { createRuntime, createSystemClock, defineAgent, defineTool } from "../runtime/index.ts";
import { scriptedModel, type ScriptedToolCall } from "../testing/index.ts";
import { memoryTools } from "../tools/index.ts";

/**
 * A server: ann and bob have said something to it, each in a session that ended, one that waits, and one that is at work. It goes
 * on until it is killed. Given "again", it only works what there is, and says when nothing is left to do.
 */
const [, , dataDir = "", how = ""] = process.argv;
const BIG = 1_100_000;
const TENANT = "acme";
const WHAT = z.object({ what: z.string() });

const memory = await createSqliteMemory({ dataDir });

const tell = defineTool()({
  name: "tell",
  description: "tells at length",
  inputSchema: WHAT,
  effect: "read",
  maxOutputChars: 200,
  execute: async ({ what }, { workspace }) => {
    await workspace.write("notes/own.txt", what);
    return `${what} `.repeat(60);
  },
});

const ship = defineTool()({
  name: "ship",
  description: "ships",
  inputSchema: WHAT,
  effect: "write",
  needsApproval: true,
  execute: ({ what }) => what,
});

const wait = defineTool()({
  name: "wait",
  description: "waits until it is stopped",
  inputSchema: WHAT,
  effect: "read",
  timeoutMs: 600_000,
  execute: async (_, { signal }) => {
    process.send?.("at work");
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  },
});

const clerk = defineAgent({
  name: "clerk",
  instructions: "Do it.",
  tools: [tell, ship, wait, ...memoryTools(memory)],
  model: scriptedModel(({ messages, lastUserText }) => {
    const [tool = "", what = ""] = lastUserText.split(" ");
    const since = messages.slice(messages.findLastIndex(({ role }) => role === "user"));
    const calls: readonly ScriptedToolCall[] = [
      { name: "remember", input: { text: `It is ${what}`, subject: what } },
      { name: tool, input: { what } },
    ];
    const next = calls[since.filter(({ role }) => role === "tool").length];
    return next === undefined ? { text: `done with ${what}` } : { toolCalls: [next] };
  }),
});

const runtime = await createRuntime({ agents: [clerk], dataDir, memory, drainTimeoutMs: 100 });

const live = async (user: string): Promise<void> => {
  const word = `orchid-of-${user}-forty-two`;
  const owner = { tenant: TENANT, user };
  const say = async (text: string, key?: string) => {
    const session = await runtime.createSession("clerk", { ...owner, ...(key === undefined ? {} : { key }) });
    const file = { type: "file", data: Buffer.alloc(BIG, word), mediaType: "text/plain" } as const;
    return await session.send([{ type: "text", text }, file], { idempotencyKey: word });
  };
  await (await say(`tell ${word}`, `chat of ${word}`)).outcome();
  await (await say(`ship ${word}`)).outcome();
  await runtime.schedules.create({ agent: "clerk", input: word, cron: "0 3 * * *", ...owner });
  await say(`wait ${word}`);
};

if (how === "again") {
  const clock = createSystemClock();
  const open = async () => (await runtime.listSessions({ user: "ann", limit: 100 })).sessions;
  const isSettled = ({ status, unreadSignals }: Awaited<ReturnType<typeof open>>[number]) =>
    ["completed", "cancelled"].includes(status) && unreadSignals === 0;
  while (!(await open()).every(isSettled))
    await new Promise<void>((resolve) => void clock.startTimer(20, resolve));
} else {
  await live("ann");
  await live("bob");
}
process.send?.("ready");
process.once("SIGTERM", () => {
  void runtime
    .close()
    .then(() => memory.close())
    .then(() => process.disconnect());
});
