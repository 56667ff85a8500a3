import { describe, expect, it, onTestFinished } from "vitest";
import { createInMemoryMemory } from "../memory/index.ts";
import type { Script } from "../models/index.ts";
import type { ModelRequest } from "../ports/model.ts";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import { agentOf, headersOf, journalOf, recordingModel, toolOf } from "../testing/scenario.fixture.ts";
import type { AgentMemory } from "./index.ts";

const START = Date.UTC(2025, 10, 30, 9, 30, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const chat: Script = ({ toolResults, lastUserText }) => {
  if (lastUserText.includes("wait")) return { hang: true };
  return toolResults.length === 0 && lastUserText.includes("look")
    ? { toolCalls: [{ name: "look" }] }
    : { text: "I see." };
};

type World = {
  readonly execute?: Parameters<typeof toolOf>[0]["execute"];
  readonly limits?: { readonly maxWindowChars?: number };
  readonly memory?: AgentMemory;
};

const world = async ({ execute = () => "x", limits = {}, memory }: World = {}) => {
  const model = recordingModel(chat);
  const look = toolOf({ name: "look", effect: "read", execute });
  const agent = agentOf({
    model,
    tools: [look],
    limits,
    ...(memory === undefined ? {} : { memory }),
  });
  const store = createInMemoryMemory();
  const test = await createTestRuntime({ agents: [agent], now: START, memory: store });
  onTestFinished(() => test.close());
  const session = await test.runtime.createSession(agent);
  const tell = async (text: string) => {
    const run = await session.send(text);
    await test.clock.settle();
    return run;
  };
  return { test, model, agent, session, tell, store };
};

/** The machine is off for so long. */
const pass = async (test: TestRuntime, ms: number): Promise<void> => {
  test.clock.jump(ms);
  await test.advanceTime(0);
};

const textsIn = (request: ModelRequest | undefined): readonly string[] =>
  (request?.messages ?? []).flatMap((message) =>
    message.role === "user"
      ? message.content.flatMap((part) => (part.type === "text" ? [part.text] : []))
      : [],
  );

const notesIn = (request: ModelRequest | undefined): readonly string[] =>
  textsIn(request).filter((text) => text.startsWith("[Time has passed"));

const elapsedIn = async (test: TestRuntime, sessionId: string) =>
  (await journalOf(test, sessionId)).flatMap(({ header, payload }) =>
    header.type === "run.started" ? [payload?.["elapsed"] ?? null] : [],
  );

describe("a conversation that goes on after a while", () => {
  it("is told what day it is and how long ago it ended, before the input", async () => {
    const { test, model, session, tell } = await world();
    await tell("hello");
    await pass(test, 73 * DAY);
    await tell("and now?");
    expect(textsIn(model.requests[1])).toEqual([
      "hello",
      "[Time has passed: what follows is said at 2026-02-11T09:30Z. The conversation before it ended at 2025-11-30T09:30Z, 73 days earlier.]",
      "and now?",
    ]);
    expect(await elapsedIn(test, session.id)).toEqual([
      null,
      { from: "2025-11-30T09:30:12.000Z", to: "2026-02-11T09:30:12.000Z", days: 73 },
    ]);
  });

  it.each([
    ["an hour", HOUR, null],
    ["23 hours", 23 * HOUR, null],
    ["a day but for a millisecond", DAY - 1, null],
    ["a day", DAY, "1 day earlier"],
    ["two days but for a minute", 2 * DAY - MINUTE, "1 day earlier"],
    ["two days", 2 * DAY, "2 days earlier"],
    ["ten years", 3_653 * DAY, "3653 days earlier"],
    ["longer than there are years", 3_652_059 * DAY, "said at 9999-12-31T00:00Z"],
  ])("is told so from a day on: after %s", async (_, ms, told) => {
    const { test, model, tell } = await world();
    await tell("hello");
    await pass(test, ms);
    await tell("and now?");
    const notes = notesIn(model.requests[1]);
    expect(notes).toEqual(told === null ? [] : [expect.stringContaining(told)]);
  });

  it("is told nothing in the first run, however old the session is", async () => {
    const { test, model, tell } = await world();
    await pass(test, 73 * DAY);
    await tell("hello");
    expect(textsIn(model.requests[0])).toEqual(["hello"]);
  });

  it("is told nothing where the clock has gone back meanwhile", async () => {
    const { test, model, tell } = await world();
    await tell("hello");
    await pass(test, -73 * DAY);
    await tell("and now?");
    await pass(test, 73 * DAY + HOUR);
    await tell("and now?");
    expect(notesIn(model.requests.at(-1))).toEqual([]);
  });

  it("counts from the end of what was said last, and to the input", async () => {
    const { test, model, session, tell } = await world({
      execute: (_, context) => (context.resume === null ? context.suspend({ signal: "go" }) : "x"),
    });
    await tell("look");
    await pass(test, 3 * DAY);
    await tell("behind it");
    await session.signal("go");
    await test.advanceTime(1_000);
    await tell("and now?");
    expect(headersOf(await journalOf(test, session.id), "run.completed")).toHaveLength(3);
    expect(notesIn(model.requests.at(-1))).toEqual([]);
  });

  it("E3 is told the same in every prompt from then on, each time for itself", async () => {
    const { test, model, tell } = await world();
    await tell("hello");
    await pass(test, 3 * DAY);
    await tell("look");
    await pass(test, 5 * DAY);
    await tell("look again");
    await tell("and now?");
    expect(model.requests.length).toBeGreaterThanOrEqual(5);
    for (const [index, { messages }] of model.requests.entries())
      expect(model.requests[index + 1]?.messages.slice(0, messages.length) ?? messages).toEqual(messages);
    expect(notesIn(model.requests.at(-1))).toEqual([
      expect.stringContaining("3 days earlier"),
      expect.stringContaining("5 days earlier"),
    ]);
  });

  it("E3 is told the same after a restart in the middle of the run, and later", async () => {
    const { test, model, session, tell } = await world();
    await tell("hello");
    await pass(test, 3 * DAY);
    await tell("wait");
    const before = textsIn(model.requests[1]);
    const next = await test.restart();
    onTestFinished(() => next.close());
    await next.advanceTime(2 * HOUR);
    await next.advanceTime(HOUR);
    expect(model.requests.length).toBeGreaterThanOrEqual(3);
    for (const request of model.requests.slice(1)) expect(textsIn(request)).toEqual(before);
    expect(before).toEqual(["hello", expect.stringContaining("3 days earlier"), "wait"]);
    expect(await elapsedIn(next, session.id)).toHaveLength(2);
  });

  it("stands before what is recalled", async () => {
    const { test, model, tell, store } = await world({ memory: { recall: true } });
    const scope = { tenant: null, user: null, agent: null, session: null, namespace: "" };
    const memory = { scope, kind: "fact", origin: "user", text: "Birds can fly" } as const;
    await tell("hello");
    await store.write({
      by: { operatorOf: null },
      key: null,
      now: START,
      changes: [{ do: "add", memory }],
    });
    await pass(test, 3 * DAY);
    await tell("birds?");
    expect(textsIn(model.requests.at(-1))).toEqual([
      "hello",
      expect.stringContaining("3 days earlier"),
      expect.stringContaining("Birds can fly"),
      "birds?",
    ]);
  });
});

describe("the note that time has passed", () => {
  it("E6 counts in the window, and leaves it with its input", async () => {
    const { test, model, session, tell } = await world({ limits: { maxWindowChars: 3_000 } });
    await tell("hello");
    await pass(test, 3 * DAY);
    await tell("look");
    const [, note = ""] = textsIn(model.requests[1]);
    expect(
      headersOf(await journalOf(test, session.id), "run.started").map((each) => each.recalledChars),
    ).toEqual([0, note.length]);
    for (let index = 0; index < 4; index += 1) await tell(`${index} ${"so it goes ".repeat(100)}`);
    expect(headersOf(await journalOf(test, session.id), "context.compacted").length).toBeGreaterThan(0);
    expect(notesIn(model.requests.at(-1))).toEqual([]);
  });

  it("E6 is told though all that was said before is summed up", async () => {
    const { test, model, session, tell } = await world({ limits: { maxWindowChars: 3_000 } });
    for (let index = 0; index < 2; index += 1) await tell(`${index} ${"so it goes ".repeat(120)}`);
    await pass(test, 73 * DAY);
    await tell(`and now? ${"so it goes ".repeat(60)}`);
    expect(headersOf(await journalOf(test, session.id), "context.compacted")).toHaveLength(1);
    const [summary, note] = textsIn(model.requests.at(-1));
    expect(summary).toContain("What was said before this");
    expect(note).toContain("73 days earlier");
  });

  it("E5 is taken back with its run, which is then no part of the conversation", async () => {
    const { test, model, tell } = await world();
    await tell("hello");
    await pass(test, 3 * DAY);
    const run = await tell("wait");
    expect(notesIn(model.requests[1])).toHaveLength(1);
    await run.cancel({ mode: "rollback" });
    await test.advanceTime(1_000);
    await tell("and now?");
    expect(textsIn(model.requests.at(-1))).toEqual([
      "hello",
      expect.stringContaining("3 days earlier"),
      "and now?",
    ]);
  });

  it("J4 is erased with its input", async () => {
    const { test, model, session, tell } = await world();
    await tell("hello");
    await pass(test, 3 * DAY);
    await tell("look");
    await test.runtime.erase(session.id);
    expect(await elapsedIn(test, session.id)).toEqual([null, null]);
    const next = await test.restart();
    onTestFinished(() => next.close());
    await (await next.runtime.getSession(session.id)).send("and now?");
    await next.advanceTime(MINUTE);
    expect(textsIn(model.requests.at(-1))).toEqual(["[erased]", "[erased]", "and now?"]);
  });
});
