import { cp, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createInMemoryMemory, createSqliteMemory } from "../memory/index.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { MemoryStore } from "../ports/memory-store.ts";
import { createSqliteStore } from "../stores/index.ts";
import { filesWith } from "../testing/files-with.fixture.ts";
import { createTestRuntime, scriptedModel, type ScriptedToolCall } from "../testing/index.ts";
import { agentOf, keepingLogger, makeDoor, toolOf } from "../testing/scenario.fixture.ts";
import { memoryTools, taskTool } from "../tools/index.ts";
import {
  agentTool,
  createRuntime,
  createSystemClock,
  defineAgent,
  defineTool,
  type EraseUserOptions,
  type Runtime,
  type Session,
} from "./index.ts";

/** What each user says: found wherever it is kept. */
const wordOf = (user: string): string => `orchid-of-${user}-forty-two`;
const BIG = 1_100_000;
const TENANT = "acme";

const helper = defineAgent({
  name: "helper",
  instructions: "Help.",
  model: scriptedModel(({ lastUserText }) => ({ text: `helped with ${lastUserText}` })),
});

const tell = defineTool()({
  name: "tell",
  description: "tells at length",
  inputSchema: z.object({ what: z.string() }),
  effect: "read",
  maxOutputChars: 200,
  execute: async ({ what }, context) => {
    await context.workspace.write("notes/own.txt", what);
    return `${what} `.repeat(60);
  },
});

const ship = toolOf({
  name: "ship",
  effect: "write",
  needsApproval: true,
  execute: (input) => `shipped ${JSON.stringify(input)}`,
});

const lose = toolOf({
  name: "lose",
  effect: "read",
  execute: (input) => {
    throw new TypeError(`lost ${JSON.stringify(input)}`);
  },
});

/** Calls one tool after another with the word that its user said, and says it at the end. */
const agentWith = (memory: MemoryStore) =>
  defineAgent({
    name: "clerk",
    instructions: "Do it.",
    tools: [
      tell,
      ship,
      lose,
      agentTool(helper, { description: "helps" }),
      taskTool(),
      ...memoryTools(memory),
    ],
    model: scriptedModel(({ messages, lastUserText }) => {
      const word = /orchid-of-\w+-forty-two/.exec(lastUserText)?.[0] ?? "nothing";
      const since = messages.slice(messages.findLastIndex(({ role }) => role === "user"));
      const done = since.flatMap((message) => (message.role === "tool" ? message.results : [])).length;
      const calls: readonly ScriptedToolCall[] = [
        { name: "tell", input: { what: word } },
        { name: "lose", input: { what: word } },
        { name: "helper", input: { message: word } },
        { name: "update_tasks", input: { tasks: [{ title: word, status: "doing", note: word }] } },
        { name: "remember", input: { text: `It is ${word}`, subject: word } },
        { name: "recall", input: { query: word } },
        { name: "ship", input: { to: word } },
      ];
      const next = calls[done];
      return next === undefined ? { text: `done with ${word}` } : { toolCalls: [next] };
    }),
  });

const folder = async (): Promise<string> => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-erase-user-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
};

type Place = {
  readonly dataDir: string;
  readonly memory: MemoryStore;
  readonly store?: JournalStore;
  readonly isWorker?: boolean;
  readonly drainTimeoutMs?: number;
};

const open = async ({ memory, ...place }: Place) =>
  createRuntime({
    agents: [agentWith(memory), helper],
    memory,
    logger: keepingLogger(),
    ...place,
    // Given up at once, with what it said.
    onSettled: {
      name: "desk",
      retry: { maxAttempts: 1 },
      handle: (delivery) => {
        if ("sessionId" in delivery) throw new TypeError(`no desk for ${USERS_OF.get(delivery.sessionId)}`);
      },
    },
  });

const USERS_OF = new Map<string, string>();

/** Says the user's word in every way there is. */
const live = async (runtime: Runtime, user: string): Promise<Session> => {
  const word = wordOf(user);
  const session = await runtime.createSession("clerk", {
    key: `chat of ${word}`,
    tenant: TENANT,
    user,
    attributes: { note: word },
  });
  USERS_OF.set(session.id, word);
  const bytes = Buffer.alloc(BIG, `${word} `);
  const content = [
    { type: "text", text: word },
    { type: "file", data: bytes, mediaType: "text/plain", filename: `${word}.txt` },
  ] as const;
  const run = await session.send(content, { idempotencyKey: `mail ${word}` });
  await run.outcome();
  const [asked] = await session.pending();
  if (asked?.kind !== "approval") throw new TypeError(`${user} is not asked`);
  await session.decide(asked.approvalId, { verdict: "approve", by: word, input: { to: `${word} street` } });
  await run.outcome();
  await session.signal("hint", word, { idempotencyKey: `hint ${word}` });
  await session.pause(word);
  const waiting = await runtime.createSession("clerk", { tenant: TENANT, user });
  await (await waiting.send(word)).outcome();
  await waiting.send(`and then ${word}`, { idempotencyKey: `next ${word}` });
  await runtime.schedules.create({
    agent: "clerk",
    input: word,
    cron: "0 3 * * *",
    tenant: TENANT,
    user,
    attributes: { word },
    sessionKey: word,
  });
  return session;
};

/** What everybody of the tenant reads is the user's all the same where it came from a session of theirs. */
const shareWithAll = async (runtime: Runtime, session: Session, user: string): Promise<void> => {
  await runtime.memory?.write({
    by: { operatorOf: TENANT },
    key: null,
    now: Date.UTC(2026, 0, 1),
    changes: [
      {
        do: "add",
        memory: {
          scope: { tenant: TENANT, user: null, agent: null, session: null, namespace: "" },
          kind: "fact",
          text: `Everybody knows ${wordOf(user)}`,
          origin: "operator",
          source: { sessionId: session.id, position: 1 },
        },
      },
    ],
  });
};

/** Lets the machine do something. */
const turn = (): Promise<unknown> => stat(tmpdir());

/** The dead letters come after the run. */
const untilTold = async (runtime: Runtime, count: number): Promise<void> => {
  while ((await runtime.deadLetters.list({ limit: 100 })).deadLetters.length < count) await turn();
};

const EVERYWHERE = [/^blobs\//, /^holdfast\.db/, /^memory\.db/, /^workspaces\//];

const WRITES = new Set(["create", "commit", "post", "erase", "changeDuty"]);

/** A process that dies as soon as so many of its writes are stored: nothing that it asks is answered any more. */
const makeDeath = (writes: number) => {
  const { promise: struck, resolve } = Promise.withResolvers<"dead">();
  let count = 0;
  const pass = async (isWrite: boolean, work: () => unknown): Promise<unknown> => {
    if (count >= writes) return new Promise(() => undefined);
    if (isWrite) count += 1;
    const isLast = isWrite && count >= writes;
    const answer: unknown = await work();
    if (!isLast) return answer;
    resolve("dead");
    return new Promise(() => undefined);
  };
  const of = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get: (_, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function" || name === "onChange" || name === "close")
          return typeof member === "function" ? (member.bind(target) as unknown) : member;
        return (...args: readonly unknown[]) =>
          pass(WRITES.has(String(name)), () => Reflect.apply(member, target, args) as unknown);
      },
    });
  return { struck, of };
};

/** Whether a process that dies after so many writes did not come to the end of its erasure; the next one does. */
const survives = async (template: string, writes: number): Promise<boolean> => {
  const dataDir = await folder();
  await cp(template, dataDir, { recursive: true });
  const death = makeDeath(writes);
  const memory = await createSqliteMemory({ dataDir });
  const store = await createSqliteStore({ dataDir, clock: createSystemClock() });
  const dying = await open({ dataDir, memory: death.of(memory), store: death.of(store), drainTimeoutMs: 1 });
  const first = await Promise.race([dying.eraseUser(ANN), death.struck]);
  void dying.close();
  await store.close();
  await memory.close();

  const next = await createSqliteMemory({ dataDir });
  const runtime = await open({ dataDir, memory: next });
  expect(await runtime.eraseUser(ANN)).toMatchObject({ sessions: 4 });
  expect(await filesWith(dataDir, wordOf("ann"))).toEqual([]);
  expect(await runtime.store.check()).toEqual([]);
  const left = await filesWith(dataDir, wordOf("bob"));
  for (const place of EVERYWHERE) expect(left.filter((name) => place.test(name))).not.toEqual([]);
  await runtime.close();
  await next.close();
  expect(await filesWith(dataDir, wordOf("ann"))).toEqual([]);
  return first === "dead";
};

/** Annoyed no more: from now on recipients say nothing of anybody. */
const hush = (): void => USERS_OF.clear();

const ANN = { tenant: TENANT, user: "ann" };

describe("erasing a user", () => {
  it("J4 S1 leaves their text in no file of the data directory, and another's is as it was", async () => {
    const dataDir = await folder();
    const memory = await createSqliteMemory({ dataDir });
    const runtime = await open({ dataDir, memory });
    const ann = await live(runtime, "ann");
    const bob = await live(runtime, "bob");
    await shareWithAll(runtime, ann, "ann");
    await shareWithAll(runtime, bob, "bob");
    await untilTold(runtime, 6);
    hush();
    const before = await filesWith(dataDir, wordOf("ann"));
    for (const place of EVERYWHERE) expect(before.filter((name) => place.test(name))).not.toEqual([]);

    const gone = await runtime.eraseUser(ANN);
    expect(gone).toEqual({ sessions: 4, memories: 2, schedules: 1, copies: [] });
    expect(await filesWith(dataDir, wordOf("ann"))).toEqual([]);
    expect(await runtime.store.check()).toEqual([]);
    const left = await filesWith(dataDir, wordOf("bob"));
    for (const place of EVERYWHERE) expect(left.filter((name) => place.test(name))).not.toEqual([]);

    expect(JSON.stringify(await Array.fromAsync(bob.history()))).toContain(wordOf("bob"));
    expect((await memory.list({ reader: { operatorOf: TENANT }, limit: 9 })).records).toHaveLength(2);
    expect((await runtime.schedules.list()).schedules.map(({ user }) => user)).toEqual(["bob"]);
    const again = await runtime.createSession("clerk", { key: `chat of ${wordOf("ann")}`, ...ANN });
    await again.send("x", { idempotencyKey: `mail ${wordOf("ann")}` });
    expect((await again.snapshot()).queuedRuns).toEqual([]);
    await runtime.close();
    await memory.close();
    expect(await filesWith(dataDir, wordOf("ann"))).toEqual([]);
  });

  it("J4 leaves nothing in any file where the process has died in it, and it was done again", async () => {
    const template = await folder();
    const first = await createSqliteMemory({ dataDir: template });
    const runtime = await open({ dataDir: template, memory: first });
    const ann = await live(runtime, "ann");
    await live(runtime, "bob");
    await shareWithAll(runtime, ann, "ann");
    await untilTold(runtime, 6);
    hush();
    await runtime.close();
    await first.close();
    const ends: boolean[] = [];
    for (const writes of [1, 6, 11, 16, 100]) ends.push(await survives(template, writes));
    expect(ends).toEqual([true, true, true, true, false]);
  }, 60_000);

  it("J4 E5 is gone on with after every single one of its writes", async () => {
    let writes = 1;
    for (let isDead = true; isDead; writes += 1) {
      const memory = createInMemoryMemory();
      const test = await createTestRuntime({
        agents: [agentWith(memory), helper],
        memory,
        logger: keepingLogger(),
      });
      const ann = await live(test.runtime, "ann");
      await live(test.runtime, "bob");
      await shareWithAll(test.runtime, ann, "ann");
      test.crashAfter(writes);
      let isDone = false;
      void test.runtime.eraseUser(ANN).finally(() => (isDone = true));
      // Folders are removed in the time of the machine.
      for (; !isDone && !test.hasCrashed; await turn()) await test.advanceTime(50);
      isDead = test.hasCrashed;
      const next = await test.restart();
      const erasing = next.runtime.eraseUser(ANN);
      await next.advanceTime(60_000);
      expect(await erasing).toMatchObject({ sessions: 4 });
      const { sessions } = await next.runtime.listSessions(ANN);
      const events = await Promise.all(
        sessions.map(({ sessionId }) => next.store.read(sessionId, 0, { limit: 999 })),
      );
      expect(events.flat().filter(({ payload }) => payload !== null)).toEqual([]);
      expect(sessions.map(({ status }) => status)).not.toContain("suspended");
      expect(await next.store.check()).toEqual([]);
      const kept = await memory.list({ reader: { operatorOf: TENANT }, limit: 9 });
      expect(kept.records.map(({ text }) => text)).toEqual([`It is ${wordOf("bob")}`]);
      await next.close();
    }
    expect(writes).toBeGreaterThan(10);
  }, 60_000);

  it("J4 E5 erases what nobody works as it stands, and it is cancelled when somebody takes it up", async () => {
    const dataDir = await folder();
    const memory = await createSqliteMemory({ dataDir });
    const desk = await open({ dataDir, memory, isWorker: false });
    const word = wordOf("ann");
    const session = await desk.createSession("clerk", { ...ANN, key: word });
    const run = await session.send(word, { idempotencyKey: word });
    expect(await filesWith(dataDir, word)).not.toEqual([]);
    expect(await desk.eraseUser({ ...ANN, stopTimeoutMs: 0 })).toMatchObject({ sessions: 1 });
    expect(await filesWith(dataDir, word)).toEqual([]);
    // The key is known all the same.
    expect((await session.send(word, { idempotencyKey: word })).id).toBe(run.id);
    const worker = await open({ dataDir, memory });
    expect(await (await worker.getRun(run.id)).outcome()).toMatchObject({ status: "cancelled" });
    expect(await worker.store.check()).toEqual([]);
    await Promise.all([desk.close(), worker.close()]);
    await memory.close();
    expect(await filesWith(dataDir, word)).toEqual([]);
  });

  it("J4 says which sessions are still worked, and ends it when it is called again", async () => {
    const memory = createInMemoryMemory();
    let commits = 0;
    const test = await createTestRuntime({
      agents: [agentWith(memory), helper],
      memory,
      // The session is taken up, and then nothing of it is heard any more.
      faults: ({ operation }) => {
        if (operation === "commit") commits += 1;
        return operation === "commit" && commits === 2 ? { kind: "hang" } : null;
      },
    });
    const session = await test.runtime.createSession("clerk", ANN);
    await session.send("x");
    await test.advanceTime(1_000);
    const erasing = test.runtime
      .eraseUser({ ...ANN, stopTimeoutMs: 2_000 })
      .catch((thrown: unknown) => thrown);
    await test.advanceTime(3_000);
    expect(await erasing).toMatchObject({
      code: "RUN_ACTIVE",
      failure: { details: { sessions: [session.id] } },
    });
    const next = await test.restart();
    const again = next.runtime.eraseUser(ANN);
    await next.advanceTime(1_000);
    expect(await again).toMatchObject({ sessions: 1 });
    const events = await next.store.read(session.id, 0, { limit: 99 });
    expect(events.filter(({ payload }) => payload !== null)).toEqual([]);
    await next.close();
  });

  it("S1 takes nothing of a user of the same name in another tenant, or in none", async () => {
    const memory = createInMemoryMemory();
    const test = await createTestRuntime({ agents: [agentWith(memory), helper], memory });
    const owners = [ANN, { tenant: "other", user: "ann" }, { user: "ann" }];
    for (const owner of owners) {
      await test.runtime.createSession("clerk", owner);
      await test.runtime.schedules.create({ agent: "clerk", input: "x", cron: "0 3 * * *", ...owner });
    }
    expect(await test.runtime.eraseUser({ user: "ann" })).toMatchObject({ sessions: 1, schedules: 1 });
    expect(await test.runtime.eraseUser(ANN)).toMatchObject({ sessions: 1, schedules: 1 });
    expect(await test.runtime.eraseUser(ANN)).toMatchObject({ sessions: 1, schedules: 0 });
    const left = await test.runtime.schedules.list();
    expect(left.schedules.map(({ tenant }) => tenant)).toEqual(["other"]);
    const [theirs] = (await test.runtime.listSessions({ tenant: "other" })).sessions;
    expect((await test.store.read(theirs?.sessionId ?? "", 0, { limit: 1 }))[0]?.payload).not.toBeNull();
    await test.close();
  });

  it("J4 E5 remembers nothing that was being read for the memory", async () => {
    const memory = createInMemoryMemory();
    const door = makeDoor();
    const read = scriptedModel([{ text: '{"memories":[]}' }]);
    const model = {
      ...read,
      call: async (request: Parameters<typeof read.call>[0]) => {
        await door.opened;
        return read.call(request);
      },
    };
    const agent = agentOf({ model: scriptedModel(() => ({ text: "I see." })) });
    const test = await createTestRuntime({ agents: [agent], memory, extraction: { model } });
    await (await test.runtime.createSession(agent, ANN)).send(wordOf("ann"));
    await test.advanceTime(1_000);
    let gone: unknown = null;
    void test.runtime.eraseUser(ANN).then((erased) => (gone = erased));
    for (; gone === null; await turn()) await test.advanceTime(50);
    expect(gone).toMatchObject({ sessions: 2 });
    door.open();
    await test.advanceTime(600_000);
    const { sessions } = await test.runtime.listSessions(ANN);
    const events = await Promise.all(
      sessions.map(({ sessionId }) => test.store.read(sessionId, 0, { limit: 999 })),
    );
    expect(JSON.stringify(events)).not.toContain(wordOf("ann"));
    expect((await memory.list({ reader: { operatorOf: TENANT }, limit: 9 })).records).toEqual([]);
    expect((await test.runtime.deadLetters.list()).deadLetters).toEqual([]);
    await test.close();
  });

  it("J4 names the copies that were made before an upgrade", async () => {
    const dataDir = await folder();
    await writeFile(join(dataDir, "holdfast.v3.db"), "");
    const memory = await createSqliteMemory({ dataDir });
    const runtime = await open({ dataDir, memory });
    expect(await runtime.eraseUser(ANN)).toMatchObject({ copies: ["holdfast.v3.db"] });
    await runtime.close();
    await memory.close();
  });

  it.each([
    [{}],
    [{ user: "" }],
    [{ user: "ann", tenant: "" }],
    [{ user: "ann", stopTimeoutMs: -1 }],
    [{ user: "ann", session: "s" }],
  ])("refuses %j", async (options) => {
    const test = await createTestRuntime({ agents: [] });
    // As JavaScript would pass it.
    const asked: object = options;
    await expect(test.runtime.eraseUser(asked as EraseUserOptions)).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    await test.close();
  });
});
