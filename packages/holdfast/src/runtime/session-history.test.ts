import { mkdtemp, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { StoreError } from "../core/errors.ts";
import type { StoredEvent } from "../core/hash-chain.ts";
import type { LogFields } from "../ports/tool.ts";
import { historyTool } from "../tools/index.ts";
import { createRuntime } from "./create-runtime.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import { sha256 } from "./node-sha256.ts";
import { createTestRuntime } from "../testing/create-test-runtime.ts";
import { agentOf, journalOf, keepingLogger, recordingModel, toolOf } from "../testing/scenario.fixture.ts";
import { journalHistory } from "../engine/journal-history.ts";

const historyOf = (store: Pick<JournalStore, "read" | "readAt">, sessionId: string) =>
  journalHistory({
    store: {
      read: (...asked) => store.read(...asked),
      readAt: (...asked) => store.readAt(...asked),
      list: async () => ({ sessions: [], cursor: null }),
    },
    sha256,
    sessionId,
    tenant: null,
    user: null,
    before: Number.MAX_SAFE_INTEGER,
    signal: new AbortController().signal,
    warn: () => {},
  });

describe("the history of a session", () => {
  it("E5 has nothing of a run that was rolled back", async () => {
    const model = recordingModel(({ lastUserText }) =>
      lastUserText.startsWith("Blue") ? { hang: true } : { text: "Noted: the harbour." },
    );
    const agent = agentOf({ model });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    await (await session.send("Red harbour.")).outcome();
    const run = await session.send("Blue harbour.");
    await test.advanceTime(1_000);
    await run.cancel({ mode: "rollback" });
    await test.advanceTime(1_000);
    const history = historyOf(test.store, session.id);
    const found = await history.search("harbour", { limit: 9 });
    expect(found.map(({ text }) => text)).toEqual(["Red harbour.", "Noted: the harbour."]);
    const journal = await journalOf(test, session.id);
    const inputs = journal.filter(({ header }) => header.type === "run.accepted");
    const read = await Promise.all(inputs.map(({ position }) => history.read(position)));
    expect(read.flat().map(({ text }) => text)).toEqual(["Red harbour."]);
    await test.close();
  });

  it("J4 tells nothing that is not what was stored", async () => {
    const model = recordingModel(() => ({ text: "Noted." }));
    const agent = agentOf({ model });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    await (await session.send("Berth nine.")).outcome();
    const damaged: Pick<JournalStore, "read" | "readAt"> = {
      read: (...asked) => test.store.read(...asked),
      readAt: async (...asked) =>
        (await test.store.readAt(...asked)).map((stored) => ({
          ...stored,
          payload: stored.payload?.replace("nine", "five") ?? null,
        })),
    };
    const history = historyOf(damaged, session.id);
    await expect(history.search("berth")).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    const at = (await journalOf(test, session.id)).find(({ header }) => header.type === "run.accepted");
    await expect(history.read(at?.position ?? 0)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await test.close();
  });

  it("E10 tells of what was undone, and not of how", async () => {
    const book = toolOf({
      name: "book",
      effect: "write",
      execute: () => "booked: berth",
      undo: { effect: "idempotent", execute: () => "berth is free" },
    });
    const model = recordingModel([
      { toolCalls: [{ name: "book" }] },
      { fail: { code: "MODEL_REQUEST_REJECTED" } },
    ]);
    const agent = agentOf({ model, tools: [book] });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const run = await session.send("Get a place.");
    await test.advanceTime(60_000);
    expect(await run.outcome()).toMatchObject({ status: "failed" });
    const history = historyOf(test.store, session.id);
    expect((await history.search("undone")).map(({ kind }) => kind)).toEqual(["note"]);
    const journal = await journalOf(test, session.id);
    const said = await Promise.all(journal.map(({ position }) => history.read(position)));
    expect(said.flat().map(({ kind }) => kind)).toEqual(["input", "call", "result", "note"]);
    await test.close();
  });
});

const ANN = { tenant: "acme", user: "ann" };

/** Three conversations of Ann's, the second of which was rolled back in part, and what is found from a fourth. */
const threeSessions = async () => {
  const model = recordingModel(({ lastUserText }) =>
    lastUserText.startsWith("Hang") ? { hang: true } : { text: `Noted: ${lastUserText}` },
  );
  const agent = agentOf({ model });
  const test = await createTestRuntime({ agents: [agent] });
  onTestFinished(() => test.close());
  const say = async (...texts: readonly string[]): Promise<string> => {
    const session = await test.runtime.createSession(agent, ANN);
    for (const text of texts) {
      const run = await session.send(text);
      await test.advanceTime(1_000);
      if (text.startsWith("Hang")) await run.cancel({ mode: "rollback" });
      await test.advanceTime(1_000);
    }
    return session.id;
  };
  const first = await say("The anchor is red.");
  const damaged = await say("Hang: the anchor is blue.", "The anchor is gold.");
  const last = await say("The anchor is green.");
  const own = await say("Hello.");
  const logged: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const searchOthers = (store: Partial<Pick<JournalStore, "read" | "readAt">>, limit = 9) =>
    journalHistory({
      store: {
        read: (...asked) => test.store.read(...asked),
        readAt: (...asked) => test.store.readAt(...asked),
        list: (...asked) => test.store.list(...asked),
        ...store,
      },
      sha256,
      sessionId: own,
      ...ANN,
      before: Number.MAX_SAFE_INTEGER,
      signal: new AbortController().signal,
      warn: (message, fields) => void logged.push({ message, fields }),
    }).searchOthers("anchor", { limit });
  return { store: test.store, first, damaged, last, searchOthers, logged };
};

type Change = (stored: StoredEvent) => StoredEvent;

const withHeader =
  (type: string, from: string, to: string): Change =>
  (stored) =>
    stored.header.includes(`"type":"${type}"`)
      ? { ...stored, header: stored.header.replace(from, to) }
      : stored;

const DAMAGES: readonly (readonly [string, Change])[] = [
  [
    "what was said is not what was stored",
    (stored) => ({ ...stored, payload: stored.payload?.replace("gold", "lead") ?? null }),
  ],
  ["what was said is no JSON", (stored) => ({ ...stored, payload: stored.payload?.slice(1) ?? null })],
  ["the end of a run that was taken back is not there", withHeader("run.rolled-back", "{", "")],
  [
    "a run that was taken back looks as if it were not",
    withHeader("run.rolled-back", "run.rolled-back", "run.suspended"),
  ],
  ["its beginning is not there", withHeader("session.created", "{", "")],
  ["it is of a newer version", withHeader("run.completed", '"v":', '"v":9')],
];

describe("the history of others, one of whom is damaged", () => {
  it.each(DAMAGES)("J4 H4 is searched without that one, where %s", async (_, change) => {
    const { store, first, damaged, last, searchOthers, logged } = await threeSessions();
    const of = (sessionId: string, events: readonly StoredEvent[]) =>
      sessionId === damaged ? events.map(change) : events;
    const { entries, unreadable } = await searchOthers({
      read: async (...asked) => of(asked[0], await store.read(...asked)),
      readAt: async (...asked) => of(asked[0], await store.readAt(...asked)),
    });
    expect(unreadable).toEqual([damaged]);
    expect(new Set(entries.map(({ sessionId }) => sessionId))).toEqual(new Set([first, last]));
    expect(entries.map(({ text }) => text).join()).not.toMatch(/blue|gold|lead/);
    expect(entries).toHaveLength(4);
    expect(logged).toMatchObject([
      { message: expect.stringContaining(damaged), fields: { unreadable: damaged } },
    ]);
    expect(JSON.stringify(logged)).not.toMatch(/blue|gold|lead/);
  });

  it("J4 H4 fills the places of what cannot be told with what comes next", async () => {
    const { store, damaged, searchOthers } = await threeSessions();
    const { entries, unreadable } = await searchOthers(
      {
        readAt: async (sessionId, positions) => {
          if (sessionId === damaged) throw new StoreError("STORE_DAMAGED", "It is damaged.");
          return store.readAt(sessionId, positions);
        },
      },
      3,
    );
    expect(unreadable).toEqual([damaged]);
    expect(entries).toHaveLength(3);
  });

  it("H4 is not searched while the store is away", async () => {
    const { searchOthers } = await threeSessions();
    const read = (): never => {
      throw new StoreError("STORE_UNAVAILABLE", "It is away.");
    };
    await expect(searchOthers({ readAt: async () => read() })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
  });

  it("J4 H4 is told the model without what is damaged on disk, and that there may have been more", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-history-"));
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const model = recordingModel(({ lastUserText, toolResults }) =>
      lastUserText === "Look." && toolResults.length === 0
        ? { toolCalls: [{ name: "recall_history", input: { query: "anchor", earlier: true } }] }
        : { text: "Good." },
    );
    const agent = agentOf({ model, tools: [historyTool({ conversations: "user" })] });
    const logger = keepingLogger();
    const open = () => createRuntime({ agents: [agent], dataDir, logger });
    const first = await open();
    for (const colour of ["red", "blue", "green"])
      await first.run(agent, `The anchor is ${colour}.`, { ...ANN, key: colour });
    await first.close();
    const database = new DatabaseSync(join(dataDir, "holdfast.db"));
    const { changes } = database
      .prepare("UPDATE events SET payload = replace(payload, 'blue', 'lead') WHERE payload LIKE '%blue%'")
      .run();
    expect(changes).toBeGreaterThan(0);
    database.close();
    const second = await open();
    onTestFinished(() => second.close());
    await second.run(agent, "Look.", ANN);
    const told = JSON.stringify(model.requests.at(-1)?.messages.at(-1));
    for (const word of ["red", "green", "One other conversation could not be read"])
      expect(told).toContain(word);
    for (const word of ["blue", "lead"]) expect(told).not.toContain(word);
    expect(logger.lines.map(({ message }) => message).join()).toContain("could not be searched");
  });
});
