import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestRuntime, scriptedModel } from "../testing/index.ts";
import { createRuntime, defineAgent, defineTool, fromAiSdkTool } from "./index.ts";

const model = scriptedModel([{ text: "hi" }]);
const agent = { name: "clerk", instructions: "", model };
const tool = {
  name: "act",
  description: "acts",
  inputSchema: z.object({}),
  effect: "read",
  execute: () => 1,
} as const;
/** Nothing is made there: options are refused before. */
const nowhere = join(tmpdir(), "holdfast-options");
/** As JavaScript would pass it. */
const loose = <Value>(value: Value, more: object): Value => Object.assign({}, value, more);
const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (thrown) {
    return thrown;
  }
};

describe("an option that does not exist yet", () => {
  it.each(["policy", "guardrails"])("is refused on agents: %s", (name) => {
    const thrown = thrownBy(() => defineAgent(loose(agent, { [name]: true })));
    expect(thrown).toMatchObject({ code: "OPTION_NOT_AVAILABLE", failure: { details: { option: name } } });
  });

  it.each(["annotations"])("is refused on tools: %s", (name) => {
    expect(thrownBy(() => defineTool()(loose(tool, { [name]: () => true })))).toMatchObject({
      code: "OPTION_NOT_AVAILABLE",
    });
    const theirs = { inputSchema: z.object({}), execute: () => 1 };
    const options = loose({ name: "act", effect: "read" } as const, { [name]: () => true });
    expect(thrownBy(() => fromAiSdkTool(theirs, options))).toMatchObject({ code: "OPTION_NOT_AVAILABLE" });
  });

  it.each(["mode", "approvals"])("S4 is refused by send: %s", async (name) => {
    const test = await createTestRuntime({ agents: [defineAgent(agent)] });
    const session = await test.runtime.createSession("clerk");
    await expect(session.send("x", loose({}, { [name]: "steer" }))).rejects.toMatchObject({
      code: "OPTION_NOT_AVAILABLE",
    });
    expect((await test.runtime.listSessions()).sessions[0]?.unreadSignals).toBe(0);
  });

  it.each(["approvals", "sandboxes"])("E4 is refused by createRuntime: %s", async (name) => {
    await expect(
      createRuntime(loose({ agents: [], dataDir: nowhere }, { [name]: {} })),
    ).rejects.toMatchObject({
      code: "OPTION_NOT_AVAILABLE",
    });
  });
});

describe("what becomes of an input while a run is active", () => {
  it("S4 is one of four ways, on agents and when sending", async () => {
    expect(thrownBy(() => defineAgent(loose(agent, { whenActive: "wait" })))).toMatchObject({
      code: "OPTION_INVALID",
    });
    const test = await createTestRuntime({ agents: [defineAgent(agent)] });
    const session = await test.runtime.createSession("clerk");
    await expect(session.send("x", loose({}, { whenActive: "wait" }))).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it("S4 is refused for an input with settings of its own that is to join another run", async () => {
    const test = await createTestRuntime({ agents: [defineAgent({ ...agent, whenActive: "steer" })] });
    const { id } = await test.runtime.createSession("clerk");
    const found = await test.runtime.getSession(id);
    await expect(found.send("x", { settings: { temperature: 1 } })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    await found.send("x", { settings: { temperature: 1 }, whenActive: "queue" });
  });
});

describe("an option that never will exist", () => {
  it.each([
    ["agents", () => defineAgent(loose(agent, { instrutions: "" })), "instructions"],
    ["tools", () => defineTool()(loose(tool, { timeoutMS: 1 })), "timeoutMs"],
    ["limits", () => defineAgent(loose(agent, { limits: { maxTurn: 1 } })), "maxTurns"],
    ["settings", () => defineAgent(loose(agent, { settings: { maxOutputToken: 1 } })), "maxOutputTokens"],
    ["retry", () => defineTool()(loose(tool, { retry: { maxAttempt: 1 } })), "maxAttempts"],
  ])("is refused on %s, and the right one is named", (_name, work, near) => {
    expect(thrownBy(work)).toMatchObject({ code: "OPTION_INVALID", hint: `Did you mean "${near}"?` });
  });

  it.each([
    ["no money", { maxCostUsd: 0 }],
    ["endless money", { maxCostUsd: Number.POSITIVE_INFINITY }],
    ["half a token", { maxTokens: 0.5 }],
    ["no calls", { maxToolCalls: 0 }],
    ["another way to go on", { onLimit: "hand-off" }],
    ["another word for no price", { onUnknownPrice: "guess" }],
    ["no repeats", { maxRepeats: 0 }],
  ])("E8 is refused among limits: %s", (_name, limits) => {
    expect(thrownBy(() => defineAgent(loose(agent, { limits })))).toMatchObject({ code: "OPTION_INVALID" });
  });

  it.each([
    ["a limit", {}],
    ["a name", { name: "", maxTokens: 1 }],
    ["a name of its own", { name: "run", maxTokens: 1 }],
    ["a scope", { scope: "world", maxTokens: 1 }],
    ["a time zone", { maxTokens: 1, period: "day", timeZone: "Mars/Olympus" }],
    ["a period", { maxTokens: 1, period: "week" }],
    ["options that exist", { maxTokens: 1, limit: 2 }],
  ])("E8 is refused as a budget without %s", async (_name, budget) => {
    const budgets = [loose({ name: "b", scope: "tenant" } as const, budget)];
    await expect(createRuntime({ agents: [], dataDir: nowhere, budgets })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    const same = { name: "b", scope: "tenant", maxTokens: 1 } as const;
    await expect(
      createRuntime({ agents: [], dataDir: nowhere, budgets: [same, same] }),
    ).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  it("is refused by createRuntime, createSession and send, and the right one is named", async () => {
    await expect(
      createRuntime(loose({ agents: [], dataDir: nowhere }, { datadir: "x" })),
    ).rejects.toMatchObject({
      code: "OPTION_INVALID",
      hint: 'Did you mean "dataDir"?',
    });
    const test = await createTestRuntime({ agents: [defineAgent(agent)] });
    await expect(test.runtime.createSession("clerk", loose({}, { tenat: "x" }))).rejects.toMatchObject({
      hint: 'Did you mean "tenant"?',
    });
    const session = await test.runtime.createSession("clerk");
    await expect(session.send("x", loose({}, { idempotencykey: "x" }))).rejects.toMatchObject({
      hint: 'Did you mean "idempotencyKey"?',
    });
  });
});

describe("a definition that cannot work", () => {
  it.each([
    ["a tool without an effect", () => defineTool()(loose(tool, { effect: undefined }))],
    ["a tool without execute", () => defineTool()(loose(tool, { execute: undefined }))],
    ["a tool whose name no provider takes", () => defineTool()({ ...tool, name: "send mail" })],
    ["a tool whose schema is none", () => defineTool()(loose(tool, { inputSchema: 5 }))],
    ["an agent without a model", () => defineAgent(loose(agent, { model: [] }))],
    ["an agent without instructions", () => defineAgent(loose(agent, { instructions: undefined }))],
    [
      "an agent with two tools of one name",
      () => defineAgent({ ...agent, tools: [defineTool()(tool), defineTool()(tool)] }),
    ],
    ["an agent without a usable name", () => defineAgent({ ...agent, name: "a/b" })],
  ])("E2 is refused when it is made: %s", (_name, work) => {
    expect(thrownBy(work)).toMatchObject({ code: "DEFINITION_INVALID", name: "ConfigurationError" });
  });

  it.each([
    ["maxTurns", { limits: { maxTurns: 0 } }],
    ["maxDurationMs", { limits: { maxDurationMs: Number.NaN } }],
    ["maxParallelToolCalls", { limits: { maxParallelToolCalls: 1.5 } }],
  ])("E6 a limit that limits nothing is refused: %s", (name, more) => {
    expect(thrownBy(() => defineAgent(loose(agent, more)))).toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(name),
    });
  });

  it.each([
    ["modelTimeouts", { modelTimeouts: { totalMs: 0 } }],
    ["modelTimeouts", { modelTimeouts: { firstTokenMs: "10s" } }],
    ["modelTimeouts", { modelTimeouts: { total: 10 } }],
    ["modelRetry", { modelRetry: { maxAttempts: 0 } }],
    ["modelRetry", { modelRetry: { attempts: 3 } }],
    ["drainTimeoutMs", { drainTimeoutMs: -1 }],
    ["durability", { durability: "fast" }],
  ])("E6 E7 a runtime's limit that limits nothing is refused: %s %o", async (name, more) => {
    await expect(createRuntime(loose({ agents: [], dataDir: nowhere }, more))).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(name),
    });
  });

  it.each([
    ["initialDelayMs", { retry: { initialDelayMs: -1 } }],
    ["maxDelayMs", { retry: { maxDelayMs: Number.POSITIVE_INFINITY } }],
  ])("E7 a delay that is none is refused: %s", (name, more) => {
    expect(thrownBy(() => defineTool()(loose(tool, more)))).toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(name),
    });
  });

  it.each([
    [[]],
    [[null]],
    [[{ type: "video" }]],
    [[{ type: "text" }]],
    [[{ type: "image", data: "text", mediaType: "image/png" }]],
    [5],
  ])("J1 an input that is none is refused before it is accepted: %o", async (input) => {
    const test = await createTestRuntime({ agents: [defineAgent(agent)] });
    const session = await test.runtime.createSession("clerk");
    await expect(session.send(JSON.parse(JSON.stringify(input)))).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it("an agent nobody gave the runtime is not found", async () => {
    const test = await createTestRuntime({ agents: [defineAgent(agent)] });
    await expect(test.runtime.createSession("clark")).rejects.toMatchObject({ code: "AGENT_NOT_FOUND" });
    await expect(test.runtime.getSession("ses_none")).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
    await expect(test.runtime.getRun("run_none")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });
});

describe("where an isolated tool runs", () => {
  const isolate = (isolated: unknown) => () => defineTool()(loose(tool, { isolated }));

  it.each([
    ["no object", true, "DEFINITION_INVALID"],
    ["without a module", {}, "DEFINITION_INVALID"],
    ["a module that is no URL", { module: "./tools.ts" }, "DEFINITION_INVALID"],
    ["another kind", { module: import.meta.url, kind: "container" }, "DEFINITION_INVALID"],
    ["no memory", { module: import.meta.url, maxMemoryMb: 0 }, "OPTION_INVALID"],
    ["a misspelt option", { module: import.meta.url, memory: 1 }, "OPTION_INVALID"],
  ])("S2 is refused when it is %s", (_name, isolated, code) => {
    expect(thrownBy(isolate(isolated))).toMatchObject({ code });
  });

  it.each([
    ["isolation", { isolation: { maxThreads: 0 } }],
    ["isolation", { isolation: { maxContainers: 1 } }],
    ["tenantWeights", { tenantWeights: { acme: 0.5 } }],
  ])("S1 S2 is refused by createRuntime: %s", async (_name, options) => {
    await expect(createRuntime(loose({ agents: [], dataDir: nowhere }, options))).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });
});
