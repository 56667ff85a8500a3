import { describe, expect, it } from "vitest";
import { z } from "zod";
import { openEvent } from "../core/journal-codec.ts";
import type { JournalEvent } from "../core/event.ts";
import { bootMortal, type Death, type Mortal } from "../testing/deaths.fixture.ts";
import { scriptedModel, type TestRuntime } from "../testing/index.ts";
import { defineAgent, defineTool, type AgentDefinition } from "./index.ts";

/** The outside world: what tools really did, by idempotency key, however often the process died. */
type World = { readonly reads: string[]; readonly puts: string[]; readonly writes: string[] };

const makeAgent = (world: World): AgentDefinition => {
  const input = z.object({ n: z.number() });
  const look = defineTool()({
    name: "look",
    description: "reads",
    inputSchema: input,
    effect: "read",
    execute: ({ n }, ctx) => {
      world.reads.push(ctx.idempotencyKey);
      return { n };
    },
  });
  const put = defineTool()({
    name: "put",
    description: "puts",
    inputSchema: input,
    effect: "idempotent",
    execute: (_, ctx) => {
      world.puts.push(ctx.idempotencyKey);
      return "ok";
    },
  });
  const pay = defineTool()({
    name: "pay",
    description: "pays",
    inputSchema: input,
    effect: "write",
    timeoutMs: 1_000,
    execute: (_, ctx) => {
      world.writes.push(ctx.idempotencyKey);
      return "paid";
    },
    verify: (_, ctx) =>
      world.writes.includes(ctx.idempotencyKey) ? { status: "done", output: "paid" } : { status: "not-done" },
  });
  return defineAgent({
    name: "clerk",
    instructions: "work",
    tools: [look, put, pay],
    model: scriptedModel(({ messages }) => {
      const turns = messages.filter((message) => message.role === "assistant").length;
      const call = (name: string) => ({ name, input: { n: turns } });
      if (turns < 3) return { toolCalls: [call("look"), call("pay"), call("put")] };
      return { text: "done", deltas: 3 };
    }),
  });
};

const eventsOf = async (test: TestRuntime, sessionId: string): Promise<readonly JournalEvent[]> =>
  (await test.store.read(sessionId, 0, { limit: 10_000 })).map(openEvent);

/** Closings of each call: exactly one is right (E3). */
const closings = (events: readonly JournalEvent[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { header } of events) {
    const isClosing =
      header.type === "tool-call.completed" ||
      (header.type === "tool-call.failed" && header.next.kind !== "retry") ||
      (header.type === "tool-call.unknown" && header.next.kind === "give-up") ||
      (header.type === "tool-call.resolved" && header.as !== "retry");
    if (isClosing && "callId" in header) counts.set(header.callId, (counts.get(header.callId) ?? 0) + 1);
  }
  return counts;
};

const duplicates = (items: readonly string[]): readonly string[] =>
  items.filter((item, index) => items.indexOf(item) !== index);

type Ending = {
  readonly world: World;
  readonly events: readonly JournalEvent[];
  readonly status: string;
  readonly died: number;
};

/** Runs the task in one process after another, each with its death before it; the last one lives. */
const runThroughDeaths = async (deaths: readonly Death[]): Promise<Ending> => {
  const world: World = { reads: [], puts: [], writes: [] };
  const agent = makeAgent(world);
  let died = 0;
  let last: Mortal | null = null;
  let sessionId = "";
  for (const death of [...deaths, null]) {
    last = await bootMortal(agent, last?.test ?? null, { death });
    const { test } = last;
    // Every process asks again, with the same keys: the caller does not know what was accepted.
    const ask = async (): Promise<void> => {
      const session = await test.runtime.createSession(agent, { key: "task" });
      sessionId = session.id;
      await session.send("go", { idempotencyKey: "once" });
    };
    void ask().catch(() => undefined);
    await test.clock.settle();
    await test.advanceTime(70_000);
    if (last.isDead()) died += 1;
  }
  if (last === null) throw new Error("no process lived");
  const session = await last.test.runtime.getSession(sessionId);
  const run = await session.send("go", { idempotencyKey: "once" });
  const outcome = await run.outcome({ until: "settled" });
  const events = await eventsOf(last.test, sessionId);
  await last.test.close();
  return { world, events, status: outcome.status, died };
};

const expectOnce = ({ world, events, status }: Ending): void => {
  expect(status).toBe("completed");
  expect(duplicates(world.writes)).toEqual([]);
  expect(world.writes).toHaveLength(3);
  const counts = [...closings(events).values()];
  expect(counts).toHaveLength(9);
  expect(new Set(counts)).toEqual(new Set([1]));
  expect(events.filter((event) => event.header.type === "run.accepted")).toHaveLength(1);
};

describe("a process that dies around any durable write", () => {
  // Create, post, then two commits for each of four turns.
  const deaths = Array.from({ length: 10 }, (_, index) => index + 1).flatMap((write): Death[] => [
    { write, moment: "before" },
    { write, moment: "after" },
  ]);

  it.each(deaths)(
    "E1 E2 E3 J1 J5: goes on after dying $moment write $write, nothing done twice",
    async (death) => {
      const ending = await runThroughDeaths([death]);
      expect(ending.died).toBe(1);
      expectOnce(ending);
    },
  );

  it("E1 E2 E3 J1 J5: goes on after every pair of deaths", async () => {
    for (const first of deaths) {
      for (const second of deaths) expectOnce(await runThroughDeaths([first, second]));
    }
  });
});
