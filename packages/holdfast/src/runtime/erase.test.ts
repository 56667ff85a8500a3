import { mkdtemp, rm, stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { openEvent } from "../core/journal-codec.ts";
import { filesWith } from "../testing/files-with.fixture.ts";
import { scriptedModel } from "../testing/index.ts";
import { makeDoor } from "../testing/scenario.fixture.ts";
import { createRuntime, defineAgent, defineTool } from "./index.ts";

const SAID = "the-orchid-is-blue-and-forty-two";

const tool = defineTool()({
  name: "tell",
  description: "tells at length",
  inputSchema: z.object({}),
  effect: "read",
  maxOutputChars: 50,
  execute: async (_, context) => {
    await context.workspace.write("notes/own.txt", SAID);
    return `${SAID} `.repeat(20);
  },
});

const agent = defineAgent({
  name: "teller",
  instructions: "tell",
  tools: [tool],
  model: scriptedModel(({ toolResults }) =>
    toolResults.length === 0 ? { toolCalls: [{ name: "tell", input: {} }] } : { text: `it said ${SAID}` },
  ),
});

describe("erasing", () => {
  let dataDir = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "holdfast-erase-"));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  it("J4 leaves the text in no file of the data directory, and the chain verifies", async () => {
    const runtime = await createRuntime({ agents: [agent], dataDir });
    const { sessionId, run } = await runtime.run(agent, `tell me: ${SAID}`);
    expect((await filesWith(dataDir, SAID)).length).toBeGreaterThan(2);
    await runtime.erase(sessionId);
    expect(await runtime.store.check()).toEqual([]);
    expect(await run.outcome()).toMatchObject({ status: "completed", turns: 2 });
    await runtime.close();
    expect(await filesWith(dataDir, SAID)).toEqual([]);
  });

  // Also what is too long for the model, and would go to the workspace.
  it.each([50, 60_000])(
    "J4 takes nothing back of what a tool brings after the erasure (%i)",
    async (maxOutputChars) => {
      const [door, entered] = [makeDoor(), makeDoor()];
      const slow = defineTool()({
        name: "tell",
        description: "minds no signal",
        inputSchema: z.object({}),
        effect: "read",
        maxOutputChars,
        execute: async (_, { artifacts }) => {
          entered.open();
          await door.opened;
          await artifacts.save({ name: "told.txt", mediaType: "text/plain", content: SAID });
          return `${SAID} `.repeat(20);
        },
      });
      const waiting = defineAgent({
        name: "waiting",
        instructions: "tell",
        tools: [slow],
        model: scriptedModel(() => ({ toolCalls: [{ name: "tell", input: {} }] })),
      });
      const runtime = await createRuntime({ agents: [waiting], dataDir });
      const session = await runtime.createSession(waiting);
      const run = await session.send(`tell me: ${SAID}`);
      await entered.opened;
      await run.cancel();
      await run.outcome();
      await runtime.erase(session.id);
      door.open();
      const types = async () =>
        (await runtime.store.read(session.id, 0, { limit: 100 })).map(
          (stored) => openEvent(stored).header.type,
        );
      while (!(await types()).includes("tool-call.late")) await stat(dataDir);
      expect(await runtime.store.check()).toEqual([]);
      await runtime.close();
      expect(await filesWith(dataDir, SAID)).toEqual([]);
    },
  );

  it("J4 is not answered while somebody reads the log that it was in", async () => {
    const runtime = await createRuntime({ agents: [agent], dataDir });
    const { sessionId } = await runtime.run(agent, SAID);
    const reader = new DatabaseSync(join(dataDir, "holdfast.db"));
    reader.exec("BEGIN; SELECT count(*) FROM events");
    await expect(runtime.erase(sessionId)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    reader.close();
    await runtime.erase(sessionId);
    expect(await filesWith(dataDir, SAID)).toEqual([]);
    await runtime.close();
  }, 30_000);

  it("J4 erases what settled before a time, and nothing else", async () => {
    const runtime = await createRuntime({ agents: [agent], dataDir });
    const { run } = await runtime.run(agent, SAID);
    expect(await runtime.expire(0)).toBe(0);
    expect(await run.outcome()).toMatchObject({ text: `it said ${SAID}` });
    const end = Number.MAX_SAFE_INTEGER;
    expect([await runtime.expire(end), await runtime.expire(end)]).toEqual([1, 0]);
    await runtime.close();
    expect(await filesWith(dataDir, SAID)).toEqual([]);
  });
});
