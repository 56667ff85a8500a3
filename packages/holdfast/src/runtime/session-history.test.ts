import { describe, expect, it } from "vitest";
import type { JournalStore } from "../ports/journal-store.ts";
import { sha256 } from "./node-sha256.ts";
import { createTestRuntime } from "../testing/create-test-runtime.ts";
import { agentOf, journalOf, recordingModel, toolOf } from "../testing/scenario.fixture.ts";
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
