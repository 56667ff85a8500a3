import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTestRuntime } from "../../testing/index.ts";
import { agentOf, headersOf, journalOf, recordingModel } from "../../testing/scenario.fixture.ts";
import { documentOf, json, startApi } from "./api-server.fixture.ts";
import type { OpenApiOptions } from "./openapi-options.ts";
import { openapiTools } from "./openapi-tools.ts";

const SOON = { timeout: 20_000 };

const DOCUMENT = documentOf({
  "/a": { get: { operationId: "look" } },
  "/b": { get: { operationId: "peek" } },
});

/** An agent with the tools of an API, which calls the one that it is told of, in a time that the test holds in its hands. */
const open = async (baseUrl: string, options: OpenApiOptions) => {
  const tools = await openapiTools(DOCUMENT, { baseUrl, ...options });
  const model = recordingModel(({ toolResults, lastUserText }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: lastUserText }] },
  );
  const agent = agentOf({ model, tools });
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-openapi-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const world = await createTestRuntime({ agents: [agent], dataDir });
  onTestFinished(() => world.close());
  const call = async (name: string) => {
    const session = await world.runtime.createSession(agent);
    const run = await session.send(name);
    const failures = async () => headersOf(await journalOf(world, session.id), "tool-call.failed");
    return { run, failures };
  };
  return { world, model, call };
};

test("E6 an attempt may take no longer than timeoutMs", async () => {
  const api = await startApi(() => undefined);
  const { world, call } = await open(api.url, { timeoutMs: 1_000, retry: { maxAttempts: 1 } });
  const { run, failures } = await call("look");
  await expect.poll(() => api.seen.length, SOON).toBe(1);
  await world.advanceTime(999);
  expect(await failures()).toEqual([]);
  await world.advanceTime(1);
  await expect.poll(failures, SOON).toMatchObject([{ code: "TOOL_TIMEOUT" }]);
  expect(await run.outcome()).toMatchObject({ status: "completed" });
});

test("a call is tried as often, and as soon, as retry says", async () => {
  const api = await startApi((_, response) => json(response, {}, 503));
  const retry = { maxAttempts: 2, initialDelayMs: 60_000, maxDelayMs: 60_000 };
  const { world, call } = await open(api.url, { retry });
  const { run, failures } = await call("look");
  await expect.poll(failures, SOON).toMatchObject([{ next: { kind: "retry" } }]);
  await world.advanceTime(60_000);
  expect(await run.outcome()).toMatchObject({ status: "completed" });
  expect(await failures()).toMatchObject([{ attempt: 1 }, { attempt: 2, next: { kind: "give-up" } }]);
  expect(api.seen).toHaveLength(2);
});

test("the model is shown no more of an answer than maxOutputChars", async () => {
  const api = await startApi((_, response) => json(response, "x".repeat(500)));
  const { model, call } = await open(api.url, { maxOutputChars: 50 });
  const { run } = await call("look");
  await run.outcome();
  const told = JSON.stringify(model.requests.at(-1)?.messages);
  expect(told).toContain("[Cut at 50 of 500 characters.");
  expect(told).not.toContain("x".repeat(51));
});

test("E7 tools whose circuit has a name share it: none of them calls an API that keeps failing", async () => {
  const api = await startApi((_, response) => json(response, {}, 503));
  const circuit = { name: "shop", minFailures: 2 };
  const { world, call } = await open(api.url, { circuit, retry: { maxAttempts: 1 } });
  const codeOf = async (name: string) => {
    const { run, failures } = await call(name);
    await run.outcome();
    return (await failures()).map(({ code }) => code);
  };
  expect(await codeOf("look")).toEqual(["TOOL_FAILED"]);
  expect(await codeOf("look")).toEqual(["TOOL_FAILED"]);
  expect(await codeOf("peek")).toEqual(["TOOL_UNAVAILABLE"]);
  expect(api.seen).toHaveLength(2);
  expect(await world.runtime.circuits()).toMatchObject([{ name: "shop", circuit: { kind: "open" } }]);
});

test.each<[string, OpenApiOptions]>([
  ["timeoutMs", { timeoutMs: 0 }],
  ["retry", { retry: { maxAttempts: 0 } }],
  ["maxOutputChars", { maxOutputChars: 0.5 }],
  ["circuit", { circuit: { minFailures: 0 } }],
])("%s that cannot be used is refused, and not taken for a fault of the document", async (_, options) => {
  const onRefused = () => expect.fail("the operation was refused");
  await expect(
    openapiTools(DOCUMENT, { baseUrl: "http://127.0.0.1:9", onRefused, ...options }),
  ).rejects.toMatchObject({ code: "OPTION_INVALID" });
});
