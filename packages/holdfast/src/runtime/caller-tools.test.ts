import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestRuntime, type ScriptedToolCall, type TestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  within,
  type RecordingModel,
} from "../testing/scenario.fixture.ts";
import {
  askUserTool,
  defineCallerTool,
  type AgentDefinition,
  type ApprovalRule,
  type PendingResult,
  type Run,
  type Session,
} from "./index.ts";

const OUTPUT = z.object({ degrees: z.number() });

const thermometer = (timeoutMs?: number) =>
  defineCallerTool({
    name: "measure",
    description: "Reads the thermometer in the room.",
    inputSchema: z.object({ room: z.string() }),
    outputSchema: OUTPUT,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });

const calling = (...toolCalls: readonly ScriptedToolCall[]): RecordingModel =>
  recordingModel(({ toolResults }) =>
    toolResults.length > 0
      ? { text: JSON.stringify(toolResults.map(({ output }) => output)) }
      : { toolCalls },
  );

const inRoom = (room: string): ScriptedToolCall => ({ name: "measure", input: { room } });

type Scene = { readonly test: TestRuntime; readonly session: Session; readonly run: Run };

const start = async (agent: AgentDefinition): Promise<Scene> => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  return { test, session, run: await session.send("go") };
};

const handedOver = async ({ test, session, run }: Scene): Promise<readonly PendingResult[]> => {
  expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "suspended" });
  return (await session.pending()).filter((one) => one.kind === "result");
};

const firstHandedOver = async (scene: Scene): Promise<PendingResult> => {
  const [first] = await handedOver(scene);
  if (first === undefined) throw new TypeError("nothing was handed over");
  return first;
};

const finished = async ({ test, run }: Scene): Promise<unknown> =>
  within(test, run.outcome({ until: "settled" }), 60_000);

describe("a tool that the caller runs", () => {
  it("E3 suspends the run, says what is to be done, and goes on with the result", async () => {
    const scene = await start(agentOf({ model: calling(inRoom("attic")), tools: [thermometer()] }));
    const asked = await firstHandedOver(scene);
    expect(asked).toMatchObject({
      tool: "measure",
      input: { room: "attic" },
      dueAt: null,
      resultSchema: { type: "object" },
    });
    await scene.session.submitResult(asked.callId, { output: { degrees: 31 } });
    expect(await finished(scene)).toMatchObject({
      status: "completed",
      text: expect.stringContaining('"degrees":31'),
    });
    const events = await journalOf(scene.test, scene.session.id);
    expect(headersOf(events, "tool-call.completed")).toMatchObject([{ by: "caller" }]);
  });

  it("E3 tells the model what the caller could not do", async () => {
    const scene = await start(agentOf({ model: calling(inRoom("attic")), tools: [thermometer()] }));
    const { callId } = await firstHandedOver(scene);
    await scene.session.submitResult(callId, { error: "The thermometer is broken." });
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("is broken") });
  });

  it("E1 E3 takes results one by one or together, each once; wrong ones are refused and stay open", async () => {
    const model = calling(inRoom("attic"), inRoom("cellar"));
    const scene = await start(agentOf({ model, tools: [thermometer()] }));
    const [attic, cellar] = await handedOver(scene);
    const { session, test } = scene;
    const [atticId, cellarId] = [attic?.callId ?? "", cellar?.callId ?? ""];
    const submitted = await session.submitResults([
      { callId: atticId, output: { degrees: 31 } },
      { callId: cellarId, output: { degrees: "cold" } },
      { callId: "call_900_0", output: {} },
    ]);
    expect(submitted).toMatchObject([
      { status: "accepted" },
      { status: "refused", failure: { code: "RESULT_INVALID" } },
      { status: "refused", failure: { code: "CALL_NOT_FOUND" } },
    ]);
    await test.advanceTime(1_000);
    await session.submitResult(atticId, { output: { degrees: 31 } });
    await expect(session.submitResult(atticId, { output: { degrees: 1 } })).rejects.toMatchObject({
      code: "CALL_NOT_WAITING",
    });
    await session.submitResult(cellarId, { output: { degrees: 9 } });
    expect(await finished(scene)).toMatchObject({ text: expect.stringMatching(/31.*9/) });
    await expect(session.submitResult(cellarId, { output: { degrees: 8 } })).rejects.toMatchObject({
      code: "CALL_NOT_WAITING",
    });
  });

  it("E6 is not waited for after its time; a result that comes then is refused", async () => {
    const scene = await start(agentOf({ model: calling(inRoom("attic")), tools: [thermometer(60_000)] }));
    const { callId, dueAt, askedAt } = await firstHandedOver(scene);
    expect((dueAt ?? 0) - askedAt).toBe(60_000);
    await scene.test.advanceTime(60_001);
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("TOOL_TIMEOUT") });
    await expect(scene.session.submitResult(callId, { output: { degrees: 1 } })).rejects.toMatchObject({
      code: "CALL_NOT_WAITING",
    });
  });

  it("E1 S3 is waited for across a restart, and is handed over once", async () => {
    const agent = agentOf({ model: calling(inRoom("attic")), tools: [thermometer()] });
    const scene = await start(agent);
    const { callId } = await firstHandedOver(scene);
    const test = await scene.test.restart();
    const session = await test.runtime.getSession(scene.session.id);
    const after = { test, session, run: session.run(scene.run.id) };
    await session.submitResult(callId, { output: { degrees: 31 } });
    expect(await finished(after)).toMatchObject({ status: "completed" });
    const events = await journalOf(test, session.id);
    expect(headersOf(events, "tool-call.held")).toHaveLength(1);
  });

  it("E5 of a cancelled run takes no result", async () => {
    const scene = await start(agentOf({ model: calling(inRoom("attic")), tools: [thermometer()] }));
    const { callId } = await firstHandedOver(scene);
    await scene.run.cancel();
    await expect(scene.session.submitResult(callId, { output: { degrees: 1 } })).rejects.toMatchObject({
      code: "CALL_NOT_WAITING",
    });
    expect(await finished(scene)).toMatchObject({ status: "cancelled" });
  });

  it("E4 E1 that needs approval takes no result before, is handed over after, and is held against its rule then", async () => {
    const measure = (needsApproval: ApprovalRule<unknown>) =>
      defineCallerTool({
        name: "measure",
        description: "measure",
        inputSchema: z.object({ room: z.string() }),
        needsApproval,
      });
    const model = calling(inRoom("attic"));
    const before = await start(agentOf({ model, tools: [measure(true)] }));
    await within(before.test, before.run.outcome(), 60_000);
    const [asked] = await before.session.pending();
    const callId = asked?.callId ?? "";
    const early = before.session.submitResult(callId, { output: 1 });
    await expect(early).rejects.toMatchObject({ code: "CALL_NOT_WAITING" });
    const test = await before.test.restart({ agents: [agentOf({ model, tools: [measure({ quorum: 2 })] })] });
    const session = await test.runtime.getSession(before.session.id);
    const decide = async (by: string): Promise<void> => {
      const [ask] = await session.pending();
      if (ask?.kind === "approval") await session.decide(ask.approvalId, { verdict: "approve", by });
      await test.advanceTime(1_000);
    };
    await decide("ann");
    expect(await session.pending()).toMatchObject([{ kind: "approval", quorum: 2, approvals: 0 }]);
    await decide("ann");
    await decide("bob");
    expect(await session.pending()).toMatchObject([{ kind: "result", callId }]);
    await session.submitResult(callId, { output: 1 });
    const run = session.run(before.run.id);
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "completed" });
  });

  it("E5 that is cancelled by itself takes no result, also where both are read at once", async () => {
    const scene = await start(agentOf({ model: calling(inRoom("attic")), tools: [thermometer()] }));
    const { callId } = await firstHandedOver(scene);
    const both = [
      scene.session.cancelCall(callId),
      scene.session.submitResult(callId, { output: { degrees: 31 } }),
    ];
    await Promise.allSettled(both);
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("TOOL_CANCELLED") });
  });

  it("refuses what is neither output nor error", async () => {
    const scene = await start(agentOf({ model: calling(inRoom("attic")), tools: [thermometer()] }));
    const { callId } = await firstHandedOver(scene);
    for (const wrong of [{}, { output: 1, error: "no" }, { error: 5 }, { result: 1 }]) {
      await expect(scene.session.submitResult(callId, wrong as never)).rejects.toMatchObject({
        code: "OPTION_INVALID",
      });
    }
  });
});

describe("asking the user", () => {
  const question: ScriptedToolCall = {
    name: "ask_user",
    input: { question: "Which size?", choices: ["small", "large"] },
  };

  it("E3 takes one of the choices as the answer, and nothing else", async () => {
    const scene = await start(agentOf({ model: calling(question), tools: [askUserTool()] }));
    const { callId, input } = await firstHandedOver(scene);
    expect(input).toMatchObject({ question: "Which size?" });
    await expect(scene.session.submitResult(callId, { output: "medium" })).rejects.toMatchObject({
      code: "RESULT_INVALID",
      message: expect.stringContaining("small, large"),
    });
    await scene.session.submitResult(callId, { output: "large" });
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("large") });
  });

  it("E3 takes a form that fits its schema", async () => {
    const form = askUserTool({
      name: "ask_address",
      answerSchema: z.object({ street: z.string(), zip: z.string().regex(/^\d{5}$/) }),
    });
    const model = calling({ name: "ask_address", input: { question: "Where to?" } });
    const scene = await start(agentOf({ model, tools: [form] }));
    const { callId, resultSchema } = await firstHandedOver(scene);
    expect(resultSchema).toMatchObject({ required: ["street", "zip"] });
    await expect(
      scene.session.submitResult(callId, { output: { street: "Main", zip: "1" } }),
    ).rejects.toMatchObject({ code: "RESULT_INVALID" });
    await scene.session.submitResult(callId, { output: { street: "Main", zip: "12345" } });
    expect(await finished(scene)).toMatchObject({ status: "completed" });
  });
});

describe("a run that is pinned to a definition of before (S6)", () => {
  it("takes the results that its own definition asks for", async () => {
    const measure = (outputSchema: z.ZodType) =>
      defineCallerTool({
        name: "measure",
        description: "",
        inputSchema: z.object({ room: z.string() }),
        outputSchema,
      });
    const versionOf = (version: string, outputSchema: z.ZodType) =>
      agentOf({
        version,
        onUpgrade: "pin",
        tools: [measure(outputSchema)],
        model: calling(inRoom("attic")),
      });
    const before = versionOf("1", z.object({ degrees: z.number() }));
    const scene = await start(before);
    const { callId } = await firstHandedOver(scene);
    const next = await scene.test.restart({
      agents: [before, versionOf("2", z.object({ kelvin: z.number() }))],
    });
    const session = await next.runtime.getSession(scene.session.id);
    await expect(session.submitResult(callId, { output: { kelvin: 4 } })).rejects.toThrow(/does not fit/);
    await session.submitResult(callId, { output: { degrees: 31 } });
    const run = await next.runtime.getRun(scene.run.id);
    const outcome = await within(next, run.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("31");
    await next.close();
  });
});
