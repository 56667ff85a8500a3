import { describe, expect, it } from "vitest";
import { createManualClock, createTestRuntime } from "../testing/index.ts";
import { agentOf, keepingLogger, makeDoor, recordingModel, toolOf } from "../testing/scenario.fixture.ts";
import { createInMemoryStore } from "../stores/index.ts";
import { createRuntime, sha256 } from "./index.ts";

/** A runtime on a clock that a tool can block: time passes, and nothing else runs. */
const scene = async (work: (block: (ms: number) => void) => Record<string, () => unknown>) => {
  const manual = createManualClock();
  let blockedMs = 0;
  const clock = {
    ...manual,
    now: () => manual.now() + blockedMs,
    monotonicMs: () => manual.monotonicMs() + blockedMs,
    startTimer: manual.startTimer.bind(manual),
    newId: manual.newId.bind(manual),
    randomBytes: manual.randomBytes.bind(manual),
  };
  const tools = Object.entries(
    work((ms) => {
      blockedMs += ms;
    }),
  ).map(([name, execute]) => toolOf({ name, effect: "read", timeoutMs: 60_000, execute }));
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: tools.map(({ name }) => ({ name })) },
  );
  const agent = agentOf({ model, tools });
  const logger = keepingLogger();
  const store = createInMemoryStore({ clock, sha256 });
  const runtime = await createRuntime({ agents: [agent], clock, store, logger });
  const session = await runtime.createSession(agent);
  const run = await session.send("go");
  const stalls = () => logger.lines.filter((line) => line.message.includes("event loop"));
  return { manual, run, session, stalls };
};

describe("a tool that holds the event loop", () => {
  it("S2 is named when it does so at once", async () => {
    const { manual, session, stalls } = await scene((block) => ({
      slow_hash: () => block(350),
      quick: () => block(150),
    }));
    await manual.advance(1_000);
    expect(stalls()).toMatchObject([
      { level: "warn", fields: { tools: ["slow_hash"], sessionIds: [session.id], stalledMs: 350 } },
    ]);
  });

  it("S2 is named when it does so later, and ends with it", async () => {
    const door = makeDoor();
    const { manual, stalls } = await scene((block) => ({
      slow_parse: async () => {
        await door.opened;
        block(400);
      },
    }));
    await manual.advance(500);
    expect(stalls()).toEqual([]);
    door.open();
    await manual.advance(1_000);
    expect(stalls()).toHaveLength(1);
    expect(stalls()[0]?.fields).toMatchObject({ tools: ["slow_parse"] });
  });

  it("S2 is named with all that were in flight when it goes on after that", async () => {
    const doors = [makeDoor(), makeDoor()];
    const { manual, stalls } = await scene((block) => ({
      first: async () => {
        await doors[0]?.opened;
        block(900);
        await doors[1]?.opened;
      },
      second: () => doors[1]?.opened,
    }));
    await manual.advance(500);
    doors[0]?.open();
    await manual.advance(1_000);
    expect(stalls()).toHaveLength(1);
    expect(stalls()[0]?.fields).toMatchObject({ tools: ["first", "second"] });
    doors[1]?.open();
    await manual.advance(1_000);
    expect(stalls()).toHaveLength(1);
  });

  it("S3 nothing is watched while no tool is in flight", async () => {
    const agent = agentOf({
      model: recordingModel([{ toolCalls: [{ name: "act" }] }, { text: "done" }]),
      tools: [toolOf({ name: "act", effect: "read", execute: () => 1 })],
    });
    const test = await createTestRuntime({ agents: [agent] });
    const idle = test.clock.pendingTimers;
    await (await (await test.runtime.createSession(agent)).send("go")).outcome();
    await test.clock.settle();
    expect(test.clock.pendingTimers).toBe(idle);
  });
});
