import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { ToolError } from "../core/errors.ts";
import type { DefinedTool, ToolDefinition } from "./index.ts";

/** Calls that note who is inside, and stay until they are let out. */
const roomOf = () => {
  const log: string[] = [];
  const doors: (() => void)[] = [];
  const room = { inside: 0, most: 0, isOpen: false };
  const stay = async (name: string): Promise<string> => {
    log.push(name);
    room.inside += 1;
    room.most = Math.max(room.most, room.inside);
    const door = makeDoor();
    doors.push(door.open);
    if (!room.isOpen) await door.opened;
    room.inside -= 1;
    return name;
  };
  const openAll = (): void => {
    room.isOpen = true;
    for (const open of doors) open();
  };
  return { log, doors, room, stay, openAll };
};

type More = Pick<Parameters<typeof toolOf>[0], "execute"> &
  Partial<Pick<ToolDefinition<never, unknown, unknown>, "limits" | "circuit">>;

const reading = (name: string, more: More): DefinedTool =>
  toolOf({ name, effect: "read", timeoutMs: 3_600_000, ...more });

/** An agent that asks for the calls that it is told to ask for, all in one turn. */
const start = async (tools: readonly DefinedTool[], maxParallelToolCalls = 2) => {
  const model = recordingModel(({ toolResults, lastUserText }) =>
    toolResults.length > 0
      ? { text: "done" }
      : { toolCalls: lastUserText.split(" ").map((name) => ({ name })) },
  );
  const agent = agentOf({
    model,
    tools,
    limits: { maxParallelToolCalls, maxRepeats: Number.POSITIVE_INFINITY },
  });
  const test = await createTestRuntime({ agents: [agent] });
  const send = async (names: string) => {
    const session = await test.runtime.createSession(agent);
    const run = await session.send(names);
    await test.advanceTime(10);
    const failures = async () =>
      headersOf(await journalOf(test, session.id), "tool-call.failed").map(({ code }) => code);
    return { session, run, failures };
  };
  return { test, send };
};

const LIMITS = { name: "line", maxConcurrent: 1 };

describe("calls that wait for their turn", () => {
  it("E7 take no room from other calls of their turn", async () => {
    const others = roomOf();
    const hold = reading("hold", { limits: LIMITS, execute: () => others.stay("hold") });
    const look = reading("look", { execute: () => others.log.push("look") });
    const { test, send } = await start([hold, look]);
    await send("hold");
    const { run } = await send("hold hold look");
    expect(others.log).toEqual(["hold", "look"]);
    others.openAll();
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "completed" });
    expect(others.log).toEqual(["hold", "look", "hold", "hold"]);
    await test.close();
  });

  it("E7 begin one at a time all the same, and ask for no more places than their turn has room", async () => {
    const others = roomOf();
    const hold = reading("hold", { limits: LIMITS, execute: () => others.stay("hold") });
    const look = reading("look", { execute: () => others.log.push("look") });
    const { test, send } = await start([hold, look]);
    await send("hold");
    const { run } = await send(`${"hold ".repeat(300)}look look look`);
    expect(others.log).toEqual(["hold", "look", "look", "look"]);
    others.openAll();
    expect(await within(test, run.outcome(), 600_000)).toMatchObject({ status: "completed" });
    expect(others.room.most).toBe(1);
    expect(others.log).toHaveLength(304);
    await test.close();
  });

  it("E7 do not begin beside others where there is no room for them, and keep their place", async () => {
    const line = roomOf();
    const turn = roomOf();
    const count = (name: string) => () => turn.stay(name);
    const hold = reading("hold", { limits: LIMITS, execute: () => line.stay("hold") });
    const mine = reading("mine", { limits: LIMITS, execute: count("mine") });
    const slow = reading("slow", { execute: count("slow") });
    const { test, send } = await start([hold, mine, slow]);
    await send("hold");
    const { run } = await send("mine slow slow slow");
    expect(turn.log).toEqual(["slow", "slow"]);
    const second = await send("hold");
    const third = await send("hold");
    // The line is free, and there is no room in the turn: the next one goes.
    line.doors[0]?.();
    await test.advanceTime(10);
    expect([turn.log, line.log]).toEqual([
      ["slow", "slow"],
      ["hold", "hold"],
    ]);
    // There is room, and the line is not free.
    turn.doors[0]?.();
    await test.advanceTime(10);
    expect(turn.log).toEqual(["slow", "slow", "slow"]);
    turn.doors[1]?.();
    await test.advanceTime(10);
    expect(turn.log).toEqual(["slow", "slow", "slow"]);
    // Both: it goes before the one that came later.
    line.doors[1]?.();
    await test.advanceTime(10);
    expect(turn.log).toEqual(["slow", "slow", "slow", "mine"]);
    expect(line.log).toEqual(["hold", "hold"]);
    line.openAll();
    turn.openAll();
    const runs = [run, second.run, third.run].map((each) => each.outcome());
    for (const { status } of await within(test, Promise.all(runs), 60_000)) expect(status).toBe("completed");
    expect([turn.room.most, line.room.most]).toEqual([2, 1]);
    await test.close();
  });

  it("E5 leave nothing behind when they are cancelled beside others", async () => {
    const line = roomOf();
    const turn = roomOf();
    const hold = reading("hold", { limits: LIMITS, execute: () => line.stay("hold") });
    const slow = reading("slow", { execute: () => turn.stay("slow") });
    const { test, send } = await start([hold, slow]);
    await send("hold");
    const { run } = await send("hold hold slow slow");
    await run.cancel();
    turn.openAll();
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "cancelled" });
    line.openAll();
    const last = await send("hold");
    expect(await within(test, last.run.outcome(), 1_000)).toMatchObject({ status: "completed" });
    expect(line.log).toEqual(["hold", "hold"]);
    await test.close();
  });
});

const CIRCUIT = {
  name: "bank",
  minFailures: 1,
  share: 0.1,
  windowMs: 60_000,
  openMs: 10_000,
  maxOpenMs: 40_000,
};

describe("a circuit that is to be tried", () => {
  /** `ask` shares a line with `hold`, and a circuit, which is open, with `look`. */
  const tripped = async () => {
    const line = roomOf();
    let works = false;
    const execute = () => {
      if (works) return "42";
      throw new ToolError("The bank is away.");
    };
    const hold = reading("hold", { limits: LIMITS, execute: () => line.stay("hold") });
    const ask = reading("ask", { limits: LIMITS, circuit: CIRCUIT, execute });
    const look = reading("look", { circuit: CIRCUIT, execute });
    const { test, send } = await start([hold, ask, look]);
    const first = await send("look");
    expect(await first.failures()).toEqual(["TOOL_FAILED"]);
    await send("hold");
    await test.advanceTime(10_000);
    works = true;
    return { test, send, line };
  };

  it("E7 is not left to a call that waits for its turn", async () => {
    const { test, send, line } = await tripped();
    const waiting = await send("ask");
    const next = await send("look");
    expect(await next.failures()).toEqual([]);
    expect(await test.runtime.circuits()).toEqual([]);
    line.openAll();
    expect(await within(test, waiting.run.outcome(), 60_000)).toMatchObject({ status: "completed" });
    await test.close();
  });

  it("E7 is tried when it is the turn of the call that is to try it", async () => {
    const { test, send, line } = await tripped();
    const waiting = await send("ask");
    line.openAll();
    expect(await within(test, waiting.run.outcome(), 1_000)).toMatchObject({ status: "completed" });
    expect(await waiting.failures()).toEqual([]);
    expect(await test.runtime.circuits()).toEqual([]);
    await test.close();
  });
});
