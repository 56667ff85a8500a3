import { describe, expect, it } from "vitest";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import { createTestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  typesOf,
  within,
  type AnyInput,
} from "../testing/scenario.fixture.ts";
import { ToolError } from "../core/errors.ts";
import { defineAgent, type ApprovalRule, type DefinedTool, type FallbackOptions } from "./index.ts";
import type { ToolEffect } from "../core/run-settings.ts";

/** Two ways to the same: `main`, which works or does not, and `mirror`. */
const worldOf = (
  fallback: FallbackOptions,
  {
    effect = "read",
    main: mains = {},
    mirror: more = {},
  }: { effect?: ToolEffect; main?: object; mirror?: object } = {},
) => {
  const world = {
    works: false,
    fail: (): Error => new ToolError("The bank is away.", effect === "write" ? { executed: false } : {}),
    mirrorWorks: true,
    main: 0,
    mirror: [] as AnyInput[],
  };
  const main = toolOf({
    name: "main",
    effect,
    fallback,
    execute: (input) => {
      world.main += 1;
      if (world.works) return { saw: input, at: world.main };
      throw world.fail();
    },
    ...mains,
  });
  const mirror = toolOf({
    name: "mirror",
    effect,
    execute: (input) => {
      world.mirror.push(input);
      if (world.mirrorWorks) return { mirrored: input };
      throw new ToolError("The mirror is blind.", { executed: false, retryable: false });
    },
    ...more,
  });
  return { world, tools: [main, mirror] };
};

const askMain = () =>
  recordingModel(({ toolResults, lastUserText: input }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "main", input: { of: input } }] },
  );

const start = async (tools: readonly DefinedTool[]) => {
  const model = askMain();
  const test = await createTestRuntime({ agents: [agentOf({ model, tools })] });
  const ask = async (input = "a", owner: { readonly tenant?: string; readonly user?: string } = {}) => {
    const session = await test.runtime.createSession("clerk", owner);
    await within(test, (await session.send(input)).outcome(), 30_000);
    const told = JSON.stringify(model.requests.at(-1)?.messages.at(-1));
    return { session, told, events: await journalOf(test, session.id) };
  };
  return { test, model, ask };
};

describe("another tool in place of one that failed", () => {
  it("E7 is called with the same input, and the model is told whose answer it reads", async () => {
    const { world, tools } = worldOf({ tool: "mirror" });
    const { test, ask } = await start(tools);
    const { told, events } = await ask();
    expect(world).toMatchObject({ main: 1, mirror: [{ of: "a" }] });
    expect(told).toContain("main failed (TOOL_FAILED); this is the answer of mirror");
    expect(told).toContain("mirrored");
    expect(headersOf(events, "tool-call.failed")).toMatchObject([
      { code: "TOOL_FAILED", chars: 0, next: { kind: "other-tool", tool: "mirror" } },
    ]);
    expect(headersOf(events, "tool-call.started")).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
    await test.close();
  });

  it("E7 is tried as often as its own policy says, and its failure is the result", async () => {
    const { world, tools } = worldOf(
      { tool: "mirror" },
      { mirror: { retry: { maxAttempts: 3, initialDelayMs: 10 } } },
    );
    world.mirrorWorks = false;
    const failing = toolOf({
      name: "mirror",
      effect: "read",
      retry: { maxAttempts: 3, initialDelayMs: 10 },
      execute: (input) => {
        world.mirror.push(input);
        throw new ToolError("The mirror is blind.");
      },
    });
    const { test, ask } = await start([tools[0] as DefinedTool, failing]);
    const { told } = await ask();
    expect(world.mirror).toHaveLength(3);
    expect(told).toContain("The mirror is blind.");
    await test.close();
  });

  it.each([["said no for good", () => new ToolError("There is no such article.", { retryable: false })]])(
    "E7 is not called where the tool %s",
    async (_, fail) => {
      const { world, tools } = worldOf({ tool: "mirror" });
      world.fail = fail;
      const { test, ask } = await start(tools);
      const { told } = await ask();
      expect(world.mirror).toHaveLength(0);
      expect(told).toContain("There is no such article.");
      await test.close();
    },
  );

  it("E2 is not called where the first may have happened", async () => {
    const once = worldOf({ tool: "mirror" }, { effect: "idempotent" });
    const one = await start(once.tools);
    await one.ask();
    expect(once.world.mirror).toHaveLength(0);
    await one.test.close();
    const write = worldOf({ tool: "mirror" }, { effect: "write" });
    write.world.fail = () => new TypeError("cut off");
    const two = await start(write.tools);
    const session = await two.test.runtime.createSession("clerk");
    await session.send("a");
    await two.test.advanceTime(10_000);
    expect(write.world.mirror).toHaveLength(0);
    expect(typesOf(await journalOf(two.test, session.id))).toContain("tool-call.unknown");
    await two.test.close();
  });

  it("E2 does a write once, where the first said that it did nothing", async () => {
    const { world, tools } = worldOf({ tool: "mirror" }, { effect: "write" });
    const { test, ask } = await start(tools);
    const { told } = await ask();
    expect(world.mirror).toHaveLength(1);
    expect(told).toContain("mirrored");
    await test.close();
  });

  it("E10 leaves nothing to undo of a write that did not happen", async () => {
    const undone: unknown[] = [];
    const pay = toolOf({
      name: "main",
      effect: "write",
      fallback: { tool: "mirror" },
      undo: (done) => void undone.push(done),
      execute: () => {
        throw new ToolError("The bank is away.", { executed: false });
      },
    });
    const look = toolOf({ name: "mirror", effect: "read", execute: () => "looked" });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { toolCalls: [{ name: "wait" }] } : { toolCalls: [{ name: "main" }] },
    );
    const wait = toolOf({
      name: "wait",
      effect: "read",
      execute: (_, { suspend }) => suspend({ signal: "never" }),
    });
    const test = await createTestRuntime({ agents: [agentOf({ model, tools: [pay, look, wait] })] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await test.advanceTime(5_000);
    await run.cancel({ mode: "rollback" });
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "cancelled" });
    expect(undone).toEqual([]);
    expect((await session.snapshot()).waitingFor).toEqual([]);
    expect(JSON.stringify(await journalOf(test, session.id))).not.toContain("outcome-unknown");
    await test.close();
  });

  it("E4 is not called where somebody would have to approve that", async () => {
    const { world, tools } = worldOf({ tool: "mirror" }, { mirror: { needsApproval: true } });
    const { test, ask } = await start(tools);
    const { told } = await ask();
    expect(world.mirror).toHaveLength(0);
    expect(told).toContain("The bank is away.");
    await test.close();
  });

  it("E4 is not called in place of one that somebody approved", async () => {
    const { world, tools } = worldOf({ tool: "mirror" });
    const model = askMain();
    const needsApproval: ApprovalRule<{ readonly tool: string }> = ({ tool }) => tool === "main";
    const test = await createTestRuntime({ agents: [agentOf({ model, tools, needsApproval })] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("a");
    await within(test, run.outcome(), 1_000);
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
    await session.decide(asked.approvalId, { verdict: "approve" });
    await within(test, run.outcome({ until: "settled" }), 30_000);
    expect(world).toMatchObject({ main: 1, mirror: [] });
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("The bank is away.");
    await test.close();
  });

  /** Both can be undone; once the call has its result the model is out of order, and it is. */
  const undoing = async (works: boolean, canUndoMirror = true) => {
    const log: string[] = [];
    const undoOf = (name: string) => ({
      undo: {
        effect: "write" as const,
        execute: () => {
          log.push(`un-${name}`);
          if (works) throw new ToolError("The bank is away.", { executed: false });
        },
      },
    });
    const more = {
      effect: "write",
      main: undoOf("main"),
      mirror: canUndoMirror ? undoOf("mirror") : {},
    } as const;
    const { world, tools } = worldOf({ tool: "mirror" }, more);
    world.works = works;
    const model = recordingModel([
      { toolCalls: [{ name: "main", input: { of: "a" } }] },
      { fail: { code: "MODEL_REQUEST_REJECTED" } },
    ]);
    const test = await createTestRuntime({ agents: [agentOf({ model, tools })] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("a");
    const outcome = await within(test, run.outcome({ until: "settled" }), 60_000);
    await test.close();
    return { world, log, outcome };
  };

  it("E10 is undone where it did the work, and the one that did nothing is not", async () => {
    const { world, log, outcome } = await undoing(false);
    expect(world.mirror).toHaveLength(1);
    expect(log).toEqual(["un-mirror"]);
    expect(outcome).toMatchObject({ status: "failed", undone: [{ tool: "mirror" }], notUndone: [] });
  });

  it("E10 leaves nothing to be undone where its own work cannot be", async () => {
    const { world, log, outcome } = await undoing(false, false);
    expect(world.mirror).toHaveLength(1);
    expect(log).toEqual([]);
    expect(outcome).toMatchObject({ status: "failed" });
  });

  it("E10 is not called in place of an undo that fails", async () => {
    const { world, log, outcome } = await undoing(true);
    expect(new Set(log)).toEqual(new Set(["un-main"]));
    expect(world.mirror).toEqual([]);
    expect(outcome).toMatchObject({ status: "failed", undone: [], notUndone: [{ tool: "main" }] });
  });

  it("E3 is not called with arguments that it does not take", async () => {
    const { tools } = worldOf({ tool: "strict" });
    const strict = {
      ...toolOf({ name: "strict", effect: "read", execute: () => "strict" }),
      parseInput: () => ({ ok: false, issues: ["no"] }) as const,
    };
    const { test, ask } = await start([...tools, strict]);
    expect((await ask()).told).toContain("The bank is away.");
    await test.close();
  });

  it.each(deathsUpTo(8))("E2 goes on in the next process after dying $moment write $write", async (death) => {
    const { world, tools } = worldOf({ tool: "mirror" });
    const agent = agentOf({ model: askMain(), tools });
    const test = await throughDeaths({ agent, livesMs: 70_000 }, [death], async ({ runtime }) => {
      await (await runtime.createSession(agent, { key: "one" })).send("a", { idempotencyKey: "once" });
    });
    const run = await (
      await test.runtime.createSession(agent, { key: "one" })
    ).send("a", { idempotencyKey: "once" });
    expect(await within(test, run.outcome(), 1_000)).toMatchObject({ status: "completed", output: "done" });
    expect(world.mirror.length).toBeGreaterThan(0);
    await test.close();
  });
});

describe("the last good answer of a tool that failed", () => {
  it("E7 is its result, and the model is told how old it is", async () => {
    const { world, tools } = worldOf({ lastGoodMs: 60_000 });
    const { test, ask } = await start(tools);
    world.works = true;
    await ask("a", { user: "ann" });
    world.works = false;
    await test.advanceTime(30_000);
    const { told, events } = await ask("a", { user: "ann" });
    expect(told).toMatch(/main is not available now \(TOOL_FAILED\)\. This is what it answered 3\d s ago/);
    expect(told).toContain("saw");
    expect(headersOf(events, "tool-call.failed")).toMatchObject([{ next: { kind: "last-good" }, chars: 0 }]);
    expect(headersOf(events, "tool-call.completed")).toMatchObject([{ by: "last-good" }]);
    await test.close();
  });

  it("E7 is not used when it is too old, or to another question", async () => {
    const { world, tools } = worldOf({ lastGoodMs: 60_000 });
    const { test, ask } = await start(tools);
    world.works = true;
    await ask("a", { user: "ann" });
    world.works = false;
    expect((await ask("b", { user: "ann" })).told).toContain("The bank is away.");
    await test.advanceTime(70_000);
    expect((await ask("a", { user: "ann" })).told).toContain("The bank is away.");
    await test.close();
  });

  it("S1 is told to nobody but whom it was told", async () => {
    const { world, tools } = worldOf({ lastGoodMs: 60_000 });
    const { test, ask } = await start(tools);
    world.works = true;
    await ask("a", { tenant: "one", user: "ann" });
    await ask("a");
    world.works = false;
    for (const owner of [
      { tenant: "two", user: "ann" },
      { tenant: "one", user: "bob" },
      { tenant: "one" },
      {},
    ])
      expect((await ask("a", owner)).told).toContain("The bank is away.");
    await test.close();
  });

  it("J4 is forgotten with the session that it is from", async () => {
    const { world, tools } = worldOf({ lastGoodMs: 60_000 });
    const { test, ask } = await start(tools);
    world.works = true;
    const { session } = await ask("a", { user: "ann" });
    world.works = false;
    await test.runtime.erase(session.id);
    expect((await ask("a", { user: "ann" })).told).toContain("The bank is away.");
    await test.close();
  });

  it("E7 comes after another tool that failed as well", async () => {
    const { world, tools } = worldOf({ tool: "mirror", lastGoodMs: 60_000 });
    const away = toolOf({
      name: "mirror",
      effect: "read",
      execute: () => {
        throw new ToolError("The mirror is away.");
      },
    });
    const { test, ask } = await start([tools[0] as DefinedTool, away]);
    world.works = true;
    await ask("a", { user: "ann" });
    world.works = false;
    expect((await ask("a", { user: "ann" })).told).toContain("main is not available now");
    await test.close();
  });

  it("E7 is used where an open circuit holds the tool back", async () => {
    const { tools } = worldOf({ lastGoodMs: 60_000 });
    const [main] = tools;
    const limited = { ...main, circuit: { name: "main", policy: CIRCUIT } } as DefinedTool;
    let works = true;
    const flaky = {
      ...limited,
      execute: async () => (works ? "good" : Promise.reject(new ToolError("away"))),
    };
    const { test, ask } = await start([flaky]);
    await ask("a", { user: "ann" });
    works = false;
    await ask("a", { user: "ann" });
    expect((await ask("a", { user: "ann" })).told).toContain("not available now (TOOL_UNAVAILABLE)");
    await test.close();
  });
});

const CIRCUIT = { minFailures: 1, share: 0.1, windowMs: 60_000, openMs: 10_000, maxOpenMs: 40_000 };

describe("a fallback", () => {
  it.each([
    [{}, "read", /lastGoodMs/],
    [{ tool: "main" }, "read", /another tool/],
    [{ lastGoodMs: 0 }, "read", /lastGoodMs/],
    [{ lastGoodMs: 1_000 }, "write", /only a "read"/],
    [{ tol: "mirror" }, "read", /tol/],
  ] as const)("is refused where it cannot be used: %o of a %s", (fallback, effect, what) => {
    expect(() => worldOf(fallback as FallbackOptions, { effect })).toThrow(what);
  });

  it("is refused where the agent has no such tool, or one that does more", () => {
    const model = recordingModel(() => ({ text: "" }));
    const main = toolOf({ name: "main", effect: "read", fallback: { tool: "miror" }, execute: () => "" });
    const mirror = toolOf({ name: "mirror", effect: "write", execute: () => "" });
    const made = (tools: readonly DefinedTool[]) =>
      defineAgent({ name: "clerk", instructions: "", model, tools });
    expect(() => made([main, mirror])).toThrow(/does not have/);
    const right = toolOf({ name: "main", effect: "read", fallback: { tool: "mirror" }, execute: () => "" });
    expect(() => made([right, mirror])).toThrow(/nothing is done/);
    const asks = () =>
      toolOf({
        name: "m",
        effect: "read",
        needsApproval: true,
        fallback: { tool: "mirror" },
        execute: () => "",
      });
    expect(asks).toThrow(/approved/);
  });
});
