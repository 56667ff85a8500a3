import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestRuntime } from "../testing/index.ts";
import { agentOf, headersOf, journalOf, recordingModel, toolOf } from "../testing/scenario.fixture.ts";
import { defineTool, type DefinedTool } from "./index.ts";

const base = await mkdtemp(join(tmpdir(), "holdfast-output-"));
afterAll(() => rm(base, { recursive: true, force: true }));

/** Runs an agent whose one tool is called once, and answers what the model was told of it. */
const callOnce = async (tool: DefinedTool) => {
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: tool.name, input: {} }] },
  );
  const agent = agentOf({ model, tools: [tool] });
  const dataDir = await mkdtemp(join(base, "data-"));
  const test = await createTestRuntime({ agents: [agent], dataDir });
  const session = await test.runtime.createSession(agent);
  const outcome = await (await session.send("go")).outcome();
  const request = model.requests.at(-1);
  const last = request?.messages.at(-1);
  const output = last?.role === "tool" ? last.results[0]?.output : undefined;
  return { test, session, dataDir, outcome, output, request, events: await journalOf(test, session.id) };
};

const returning = (value: unknown, more: { readonly maxOutputChars?: number } = {}) =>
  toolOf({ name: "give", effect: "read", execute: () => value, ...more });

describe("what a tool gives back", () => {
  it("J3 is kept as JSON without a mark when nothing is lost", async () => {
    const { output, events } = await callOnce(returning({ a: [1, "two", null, true] }));
    expect(output).toEqual({ type: "json", value: { a: [1, "two", null, true] } });
    expect(headersOf(events, "tool-call.completed")[0]?.isCoerced).toBe(false);
  });

  it.each([
    ["BigInt", { n: 12n }, { n: "12" }],
    ["NaN", { n: Number.NaN }, { n: null }],
    ["a lone surrogate", { s: "\uD800" }, { s: "\uFFFD" }],
    ["a Map", { m: new Map([["k", 1]]) }, { m: { k: 1 } }],
    ["a function", { f: () => 1 }, {}],
  ])("J3 marks %s as changed on its way into the journal", async (_name, value, kept) => {
    const { output, events, outcome } = await callOnce(returning(value));
    expect(output).toEqual({ type: "json", value: kept });
    expect(headersOf(events, "tool-call.completed")[0]?.isCoerced).toBe(true);
    expect(outcome.status).toBe("completed");
  });

  it("J3 survives a result that throws when it is read", async () => {
    const value = {
      get boom() {
        throw new TypeError("not readable");
      },
    };
    const { outcome, events } = await callOnce(returning(value));
    expect(outcome.status).toBe("completed");
    expect(headersOf(events, "tool-call.completed")).toHaveLength(1);
  });

  it("nothing is null", async () => {
    expect((await callOnce(returning(undefined))).output).toEqual({ type: "json", value: null });
  });

  it("spills what is longer than the limit to the workspace, whole, and says where", async () => {
    const long = "0123456789".repeat(100);
    const { output, events, session, test, dataDir } = await callOnce(
      returning(long, { maxOutputChars: 50 }),
    );
    const completed = events.find((event) => event.header.type === "tool-call.completed");
    const path = `tool-outputs/${completed?.header.type === "tool-call.completed" ? completed.header.callId : ""}.txt`;

    expect(completed?.payload?.["artifact"]).toEqual({ path, chars: 1_000 });
    expect(output).toMatchObject({ type: "text" });
    expect(JSON.stringify(output)).toContain(`Cut at 50 of 1000 characters`);
    expect(JSON.stringify(output)).toContain(path);
    const folder = join(dataDir, "workspaces", session.id.replaceAll(/[^a-zA-Z0-9_-]/g, "_"));
    expect(await readFile(join(folder, path), "utf8")).toBe(long);
    expect(JSON.stringify(events)).not.toContain(long);
    await test.close();
  });

  it("says so where the rest could not be kept", async () => {
    const { output } = await callOnce(
      toolOf({
        name: "give",
        effect: "read",
        maxOutputChars: 10,
        execute: async (_, { workspace }) => {
          // A file stands where the folder for long results has to go.
          await workspace.write("tool-outputs", "in the way");
          return "0123456789ABCDEF";
        },
      }),
    );
    expect(JSON.stringify(output)).toContain("could not be kept");
  });

  it("keeps the bytes of files once, beside the journal, and gives them to the model", async () => {
    const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
    const picture = toolOf({
      name: "draw",
      effect: "read",
      execute: () => [
        { type: "text", text: "here it is" },
        { type: "file", mediaType: "image/png", data: bytes, filename: "a.png" },
        { type: "image", mediaType: "image/png", data: bytes },
      ],
    });
    const { output, request, events } = await callOnce(picture);
    const blob = { kind: "blob", bytes: 300_000 };
    expect(output).toMatchObject({
      type: "content",
      value: [
        { type: "text", text: "here it is" },
        { type: "file", mediaType: "image/png", filename: "a.png", data: blob },
        { type: "file", mediaType: "image/png", data: blob },
      ],
    });
    expect(JSON.stringify(events).length).toBeLessThan(20_000);
    const [, file] = output?.type === "content" ? output.value : [];
    const digest = file?.type === "file" && file.data.kind === "blob" ? file.data.digest : "";
    expect(Buffer.from((await request?.readBlob(digest)) ?? []).equals(Buffer.from(bytes))).toBe(true);
  });

  it("reads the bytes of an image in the input back", async () => {
    const bytes = new Uint8Array([137, 80, 78, 71, 1, 2, 3]);
    const model = recordingModel([{ text: "a picture" }]);
    const agent = agentOf({ model });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    await (
      await session.send([
        { type: "text", text: "what is it?" },
        { type: "image", data: bytes, mediaType: "image/png" },
      ])
    ).outcome();

    const [request] = model.requests;
    const [message] = request?.messages ?? [];
    const part = message?.role === "user" ? message.content[1] : undefined;
    const digest = part?.type === "file" && part.data.kind === "blob" ? part.data.digest : "";
    expect([...((await request?.readBlob(digest)) ?? [])]).toEqual([...bytes]);
    expect(JSON.stringify(await journalOf(test, session.id))).not.toContain(
      Buffer.from(bytes).toString("base64"),
    );
  });

  it("an answer that does not fit outputSchema is told to the model, and the call counts as done", async () => {
    const tool = defineTool()({
      name: "give",
      description: "gives",
      inputSchema: z.object({}),
      outputSchema: z.object({ n: z.number() }),
      effect: "write",
      execute: () => ({ n: "no number" }),
    });
    const { output, outcome, events } = await callOnce(tool);
    expect(output).toMatchObject({ type: "error" });
    expect(JSON.stringify(output)).toContain("outputSchema");
    expect(outcome.status).toBe("completed");
    expect(headersOf(events, "tool-call.unknown")).toEqual([]);
  });

  it("shows the model what toModelOutput makes of it", async () => {
    const tool = defineTool()({
      name: "give",
      description: "gives",
      inputSchema: z.object({}),
      effect: "read",
      execute: () => ({ rows: 3 }),
      toModelOutput: ({ rows }) => `${rows} rows`,
    });
    expect((await callOnce(tool)).output).toEqual({ type: "text", value: "3 rows" });
  });
});
