import { describe, expect, it } from "vitest";
import { z } from "zod";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import {
  createTestRuntime,
  scriptedModel,
  type TestRuntime,
  type TestRuntimeOptions,
} from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import {
  agentTool,
  handOffTool,
  defineAgent,
  type AgentDefinition,
  type AgentLimits,
  type DefinedTool,
} from "./index.ts";

const ASK = { description: "Answers questions about the archive." };

/** An agent that asks each of the others once, all in one turn, and says what they answered. */
const askerOf = (tools: readonly DefinedTool[], more: { readonly limits?: AgentLimits } = {}) =>
  agentOf({
    tools,
    model: recordingModel(({ toolResults }) =>
      toolResults.length > 0
        ? { text: JSON.stringify(toolResults.map(({ output }) => output)) }
        : { toolCalls: tools.map(({ name }) => ({ name, input: { message: `for ${name}` } })) },
    ),
    ...more,
  });

const archivist = (
  script: Parameters<typeof scriptedModel>[0],
  more: Partial<Parameters<typeof agentOf>[0]> = {},
) => defineAgent({ name: "archivist", instructions: "Look it up.", ...more, model: scriptedModel(script) });

const start = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], ...options });
  const session = await test.runtime.createSession(agent, {
    tenant: "acme",
    user: "ada",
    attributes: { desk: 4 },
  });
  return { test, session, run: await session.send("go") };
};

const childrenOf = async ({ runtime }: TestRuntime, agent = "archivist") =>
  (await runtime.listSessions({ agent, limit: 1_000 })).sessions;

describe("an agent as a tool", () => {
  it("is told the message, in a session of its own, and its answer is the call's result", async () => {
    const agent = askerOf([
      agentTool(
        archivist(({ messages }) => ({ text: `heard ${JSON.stringify(messages.at(-1))}` })),
        ASK,
      ),
    ]);
    const { test, session, run } = await start(agent);
    const outcome = await within(test, run.outcome(), 10_000);
    expect(outcome).toMatchObject({ status: "completed" });
    expect(outcome.status === "completed" && outcome.text).toContain("for archivist");
    const [child, ...others] = await childrenOf(test);
    expect(others).toEqual([]);
    expect(child).toMatchObject({ status: "completed", tenant: "acme", user: "ada" });
    const journal = await journalOf(test, child?.sessionId ?? "");
    expect(headersOf(journal, "session.created")).toMatchObject([{ parent: session.id }]);
    expect(headersOf(journal, "run.accepted")).toMatchObject([
      { calledBy: { sessionId: session.id, runId: run.id, depth: 1, root: session.id } },
    ]);
    const parent = await journalOf(test, session.id);
    expect(headersOf(parent, "tool-call.held")).toMatchObject([{ child: child?.sessionId }]);
    expect(headersOf(parent, "tool-call.completed")).toMatchObject([{ by: "agent" }]);
    await test.close();
  });

  it("counts what the child spent in what the run came to", async () => {
    const usage = { inputTokens: 700, outputTokens: 30 };
    const agent = askerOf([
      agentTool(
        archivist(() => ({ text: "here", usage })),
        ASK,
      ),
    ]);
    const { test, session, run } = await start(agent);
    const outcome = await within(test, run.outcome(), 10_000);
    const [child] = await childrenOf(test);
    const [ended] = headersOf(await journalOf(test, child?.sessionId ?? ""), "run.completed");
    const own = headersOf(await journalOf(test, session.id), "model-call.completed");
    const ownInput = own.reduce((sum, { charge }) => sum + charge.usage.inputTokens, 0);
    expect(ended?.totals.spend.usage.inputTokens).toBe(700);
    expect(outcome).toMatchObject({ usage: { inputTokens: ownInput + 700 } });
    await test.close();
  });

  it("tells the model how the child failed, and the run goes on", async () => {
    const broken = archivist(() => ({ toolCalls: [{ name: "look", input: {} }] }), {
      tools: [toolOf({ name: "look", effect: "read", execute: () => "nothing" })],
      limits: { maxTurns: 2, maxRepeats: 100 },
    });
    const { test, run } = await start(askerOf([agentTool(broken, ASK)]));
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("RUN_MAX_TURNS");
    await test.close();
  });

  it("suspends the parent meanwhile, which says which session it waits for", async () => {
    const door = makeDoor();
    const slow = archivist(
      ({ toolResults }) =>
        toolResults.length > 0 ? { text: "found" } : { toolCalls: [{ name: "dig", input: {} }] },
      {
        tools: [
          toolOf({
            name: "dig",
            effect: "read",
            timeoutMs: 600_000,
            execute: () => door.opened,
          }),
        ],
      },
    );
    const { test, session, run } = await start(askerOf([agentTool(slow, ASK)]));
    await test.advanceTime(10);
    const snapshot = await session.snapshot();
    const [child] = await childrenOf(test);
    expect(snapshot).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "child", child: child?.sessionId }],
    });
    expect(await session.pending()).toEqual([]);
    const [held] = headersOf(await journalOf(test, session.id), "tool-call.held");
    await expect(session.submitResult(held?.callId ?? "", { output: "forged" })).rejects.toThrow(
      /another agent answers it/,
    );
    door.open();
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "completed" });
    await test.close();
  });

  it("lets at most `maxParallelToolCalls` children run at once", async () => {
    const entered: { readonly open: () => void }[] = [];
    const dig = toolOf({
      name: "dig",
      effect: "read",
      execute: () => {
        const door = makeDoor();
        entered.push(door);
        return door.opened;
      },
    });
    const digger = archivist(
      ({ toolResults }) =>
        toolResults.length > 0 ? { text: "found" } : { toolCalls: [{ name: "dig", input: {} }] },
      { tools: [dig] },
    );
    const tools = ["a", "b", "c", "d", "e"].map((name) => agentTool(digger, { ...ASK, name }));
    const { test, run } = await start(askerOf(tools, { limits: { maxParallelToolCalls: 2 } }));
    const end = run.outcome();
    for (const open of [2, 3, 4, 5]) {
      await test.advanceTime(2_000);
      expect(entered).toHaveLength(open);
      entered[open - 2]?.open();
    }
    entered[4]?.open();
    expect(await within(test, end, 10_000)).toMatchObject({ status: "completed" });
    expect(await childrenOf(test)).toHaveLength(5);
    await test.close();
  });

  it("answers though it handed its session over to a third agent", async () => {
    const expert = defineAgent({
      name: "expert",
      instructions: "Know it.",
      model: scriptedModel(() => ({ text: "the expert's word" })),
    });
    const passing = archivist(() => ({ toolCalls: [{ name: "over", input: { message: "yours" } }] }), {
      tools: [handOffTool(expert, { name: "over", description: "knows more" })],
    });
    const { test, run } = await start(askerOf([agentTool(passing, ASK)]));
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("the expert's word");
    await test.close();
  });

  it("S6 is begun for a run that is pinned to a definition of before, which alone has the tool", async () => {
    const tool = agentTool(
      archivist(() => ({ text: "still here" })),
      ASK,
    );
    const common = { name: "clerk", instructions: "Ask.", onUpgrade: "pin" } as const;
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0
        ? { text: JSON.stringify(toolResults[0]?.output) }
        : { toolCalls: [{ name: tool.name, input: { message: "?" } }] },
    );
    const before = defineAgent({ ...common, version: "1", tools: [tool], model });
    const after = defineAgent({ ...common, version: "2", model });
    let isAway = true;
    const { test, run } = await start(before, {
      faults: ({ operation }) => (isAway && operation === "dueDuties" ? { kind: "fail-before" } : null),
    });
    await test.advanceTime(100);
    isAway = false;
    const next = await test.restart({ agents: [before, after] });
    const again = await next.runtime.getRun(run.id);
    const outcome = await within(next, again.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("still here");
    await next.close();
  });

  it("is handed to the caller instead, where that is wanted", async () => {
    const agent = askerOf([
      agentTool(
        archivist(() => ({ text: "never" })),
        { ...ASK, by: "caller" },
      ),
    ]);
    const { test, session, run } = await start(agent);
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "suspended" });
    const [pending] = await session.pending();
    expect(pending).toMatchObject({ kind: "result", tool: "archivist", input: { message: "for archivist" } });
    await session.submitResult(pending?.callId ?? "", { output: "from elsewhere" });
    const outcome = await within(test, run.outcome(), 10_000);
    expect(outcome.status === "completed" && outcome.text).toContain("from elsewhere");
    expect(await childrenOf(test)).toEqual([]);
    await test.close();
  });

  it("asks for approval before the child begins (E4)", async () => {
    const agent = askerOf([
      agentTool(
        archivist(() => ({ text: "here" })),
        { ...ASK, needsApproval: true },
      ),
    ]);
    const { test, session, run } = await start(agent);
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "suspended" });
    expect(await childrenOf(test)).toEqual([]);
    const [pending] = await session.pending();
    if (pending?.kind !== "approval") throw new TypeError("nothing was asked");
    await session.decide(pending.approvalId, { verdict: "approve", input: { message: "edited" } });
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "completed" });
    const [child] = await childrenOf(test);
    const journal = await journalOf(test, child?.sessionId ?? "");
    expect(journal.find(({ header }) => header.type === "run.accepted")?.payload).toMatchObject({
      content: "edited",
    });
    await test.close();
  });

  it("is told what `toMessage` makes of the input; where that fails, the model is told", async () => {
    const inputSchema = z.object({ shelf: z.number() });
    const echo = archivist(({ messages }) => ({ text: JSON.stringify(messages.at(-1)) }));
    const good = agentTool(echo, {
      ...ASK,
      name: "good",
      inputSchema,
      toMessage: ({ shelf }) => `shelf ${shelf}`,
    });
    const bad = agentTool(echo, {
      ...ASK,
      name: "bad",
      inputSchema,
      toMessage: () => {
        throw new TypeError("no such shelf");
      },
    });
    const agent = agentOf({
      tools: [good, bad],
      model: recordingModel(({ toolResults }) =>
        toolResults.length > 0
          ? { text: JSON.stringify(toolResults.map(({ output }) => output)) }
          : { toolCalls: ["good", "bad"].map((name) => ({ name, input: { shelf: 7 } })) },
      ),
    });
    const { test, run } = await start(agent);
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("shelf 7");
    expect(outcome.status === "completed" && outcome.text).toContain("no such shelf");
    await test.close();
  });

  it("J4 is forgotten with its parent", async () => {
    const agent = askerOf([
      agentTool(
        archivist(() => ({ text: "a secret" })),
        ASK,
      ),
    ]);
    const { test, session, run } = await start(agent);
    await within(test, run.outcome(), 10_000);
    const [child] = await childrenOf(test);
    await test.runtime.erase(session.id);
    const journal = await journalOf(test, child?.sessionId ?? "");
    expect(journal.length).toBeGreaterThan(3);
    expect(journal.every(({ payload }) => payload === null)).toBe(true);
    await test.close();
  });

  it("E6 does not let agents call one another for ever", async () => {
    const self = defineAgent({
      name: "mirror",
      instructions: "Ask yourself.",
      tools: [agentTool("mirror", { ...ASK, name: "ask" })],
      model: scriptedModel(({ toolResults }) =>
        toolResults.length > 0
          ? { text: JSON.stringify(toolResults[0]?.output) }
          : { toolCalls: [{ name: "ask", input: { message: "deeper" } }] },
      ),
    });
    const { test, run } = await start(self);
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("AGENT_TOO_DEEP");
    expect(await childrenOf(test, "mirror")).toHaveLength(9);
    await test.close();
  });

  it("is refused where nobody has the agent, or two have its name", async () => {
    const named = askerOf([agentTool("archivits", { ...ASK, name: "ask" })]);
    const here = archivist(() => ({ text: "here" }));
    await expect(createTestRuntime({ agents: [named, here] })).rejects.toThrow(/names agent "archivits"/);
    const other = askerOf([
      agentTool(
        archivist(() => ({ text: "other" })),
        ASK,
      ),
    ]);
    await expect(createTestRuntime({ agents: [other, here] })).rejects.toThrow(/Two different agents/);
  });
});

describe("a child and the end of its parent (E5)", () => {
  const waiting = () => {
    const seen = { entered: 0, aborted: 0 };
    const dig = toolOf({
      name: "dig",
      effect: "read",
      timeoutMs: 600_000,
      execute: (_, { signal }) => {
        seen.entered += 1;
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            seen.aborted += 1;
            reject(new Error("aborted"));
          });
        });
      },
    });
    const digger = archivist(
      ({ toolResults }) =>
        toolResults.length > 0 ? { text: "found" } : { toolCalls: [{ name: "dig", input: {} }] },
      { tools: [dig] },
    );
    return { seen, digger };
  };

  it("E5 is stopped when its parent is cancelled", async () => {
    const { seen, digger } = waiting();
    const { test, run } = await start(askerOf([agentTool(digger, ASK)]));
    await test.advanceTime(100);
    expect(seen).toEqual({ entered: 1, aborted: 0 });
    await run.cancel();
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "cancelled" });
    await test.advanceTime(2_000);
    expect(seen).toEqual({ entered: 1, aborted: 1 });
    expect(await childrenOf(test)).toMatchObject([{ status: "cancelled" }]);
    await test.close();
  });

  it("E5 is stopped when it is waited for no longer, and the model is told", async () => {
    const { seen, digger } = waiting();
    const { test, run } = await start(askerOf([agentTool(digger, { ...ASK, timeoutMs: 30_000 })]));
    const outcome = await within(test, run.outcome(), 120_000);
    expect(outcome.status === "completed" && outcome.text).toContain("TOOL_TIMEOUT");
    await test.advanceTime(2_000);
    expect(seen).toEqual({ entered: 1, aborted: 1 });
    expect(await childrenOf(test)).toMatchObject([{ status: "cancelled" }]);
    await test.close();
  });

  it("E5 is not begun when its parent is cancelled first", async () => {
    const { seen, digger } = waiting();
    // Nobody gets to what is owed between the two sessions until the parent is cancelled.
    let isAway = true;
    const { test, run, session } = await start(askerOf([agentTool(digger, ASK)]), {
      faults: ({ operation }) => (isAway && operation === "dueDuties" ? { kind: "fail-before" } : null),
    });
    await test.advanceTime(100);
    expect(headersOf(await journalOf(test, session.id), "tool-call.held")).toHaveLength(1);
    await run.cancel();
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "cancelled" });
    isAway = false;
    await test.advanceTime(20_000);
    expect(seen.entered).toBe(0);
    expect(await childrenOf(test)).toEqual([]);
    expect((await test.store.listDuties({ kind: "child", limit: 10 })).duties).toEqual([]);
    await test.close();
  });
});

const prices = { "scripted/scripted": { inputPerMTok: 1, outputPerMTok: 10 } };

describe("the budget of a run and the runs it calls (E8)", () => {
  const spend = (outputTokens: number) => ({ usage: { inputTokens: 100, outputTokens } });
  const settings = { maxOutputTokens: 1_000 };

  const spendingTree = (maxCostUsd: number, children: number) => {
    const reader = defineAgent({
      name: "archivist",
      instructions: "Read.",
      settings,
      tools: [toolOf({ name: "look", effect: "read", execute: () => "a page" })],
      model: scriptedModel(({ index }) =>
        index < 3
          ? { toolCalls: [{ name: "look", input: { index } }], ...spend(900) }
          : { text: "read", ...spend(900) },
      ),
    });
    const tools = Array.from({ length: children }, (_, index) =>
      agentTool(reader, { ...ASK, name: `ask_${index}` }),
    );
    return defineAgent({
      name: "clerk",
      instructions: "Ask.",
      settings,
      tools,
      limits: { maxCostUsd },
      model: scriptedModel(({ toolResults }) =>
        toolResults.length > 0
          ? { text: JSON.stringify(toolResults.map(({ output }) => output)), ...spend(200) }
          : { toolCalls: tools.map(({ name }) => ({ name, input: { message: "read" } })), ...spend(200) },
      ),
    });
  };

  const spentIn = async (test: TestRuntime): Promise<number> => {
    const { sessions } = await test.runtime.listSessions({ limit: 1_000 });
    const journals = await Promise.all(sessions.map(({ sessionId }) => journalOf(test, sessionId)));
    const charges = journals.flatMap((journal) => [
      ...headersOf(journal, "model-call.completed"),
      ...headersOf(journal, "model-call.failed"),
    ]);
    return charges.reduce((sum, { charge }) => sum + (charge.costUsd ?? 0), 0);
  };

  it.each([0.02, 0.05, 0.08, 0.12])(
    "E8 holds %d dollars against children that run side by side",
    async (cap) => {
      const { test, run } = await start(spendingTree(cap, 4), { prices });
      const outcome = await within(test, run.outcome(), 120_000);
      const spent = await spentIn(test);
      expect(spent).toBeLessThanOrEqual(cap);
      expect(spent).toBeGreaterThan(0);
      // Whatever was spent below is in what the run says it came to.
      expect(outcome).toHaveProperty("costUsd");
      if (outcome.status === "completed") expect(outcome.costUsd).toBeCloseTo(spent, 9);
      await test.close();
    },
  );

  it("says whose limit it is that a child does not fit", async () => {
    const { test, run } = await start(spendingTree(0.05, 4), { prices });
    await within(test, run.outcome(), 120_000);
    const children = await childrenOf(test);
    const journals = await Promise.all(children.map(({ sessionId }) => journalOf(test, sessionId)));
    const refused = journals.flat().filter(({ header }) => header.type === "budget.refused");
    expect(refused.length).toBeGreaterThan(0);
    expect(JSON.stringify(refused.map(({ payload }) => payload))).toContain(
      "what is left to the run that called this agent",
    );
    await test.close();
  });

  it("lets a tree that fits its limit come to its end", async () => {
    const { test, run } = await start(spendingTree(0.25, 4), { prices });
    const outcome = await within(test, run.outcome(), 120_000);
    expect(outcome).toMatchObject({ status: "completed" });
    expect(outcome.status === "completed" && outcome.text).not.toContain("BUDGET");
    await test.close();
  });

  it("E8 counts a child for its parent's session, where a session has a budget", async () => {
    const budgets = [{ name: "talk", scope: "session", maxCostUsd: 10 }] as const;
    const { test, session, run } = await start(spendingTree(1, 2), { prices, budgets });
    await within(test, run.outcome(), 120_000);
    const accounts = (await test.runtime.budgets({ name: "talk" })).filter(({ unit }) => unit === "usd");
    expect(accounts).toMatchObject([{ of: [session.id] }]);
    expect(accounts[0]?.spent).toBeCloseTo(await spentIn(test), 9);
    await test.close();
  });

  it("E8 does not call a model whose price nobody knows, where its parent has a limit in money", async () => {
    const unpriced = defineAgent({
      name: "archivist",
      instructions: "Read.",
      model: scriptedModel(() => ({ text: "read" }), { provider: "other", modelId: "other" }),
    });
    const agent = askerOf([agentTool(unpriced, ASK)], { limits: { maxCostUsd: 1 } });
    const { test, run } = await start(agent, { prices });
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome.status === "completed" && outcome.text).toContain("PRICE_UNKNOWN");
    await test.close();
  });
});

describe("a crash between a session and its child", () => {
  const booked: string[] = [];
  const tree = () => {
    const book = toolOf({
      name: "book",
      effect: "idempotent",
      execute: (_, { idempotencyKey }) => {
        booked.push(idempotencyKey);
        return "booked";
      },
    });
    const booker = archivist(
      ({ toolResults }) =>
        toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "book", input: {} }] },
      { tools: [book] },
    );
    return askerOf([
      agentTool(booker, { ...ASK, name: "first" }),
      agentTool(booker, { ...ASK, name: "second" }),
    ]);
  };

  const ask = async (test: TestRuntime, agent: AgentDefinition) => {
    const session = await test.runtime.createSession(agent, { key: "one" });
    return { session, run: await session.send("go", { idempotencyKey: "go" }) };
  };

  // Create, post, four commits of the parent; for each child create, post, four commits, and errands removed: all but the last of them.
  it.each(deathsUpTo(24))("J5 loses nothing and does nothing twice, $moment write $write", async (death) => {
    booked.length = 0;
    const agent = tree();
    const test = await throughDeaths({ agent, livesMs: 70_000 }, [death], async (mortal) => {
      await ask(mortal, agent);
    });
    const { session, run } = await ask(test, agent);
    const outcome = await within(test, run.outcome(), 120_000);
    expect(outcome.status === "completed" && outcome.text).toContain("done");
    const children = await childrenOf(test);
    expect(children).toHaveLength(2);
    expect(new Set(booked).size).toBe(2);
    for (const { sessionId } of children) {
      const journal = await journalOf(test, sessionId);
      expect(headersOf(journal, "run.accepted")).toHaveLength(1);
    }
    const parent = await journalOf(test, session.id);
    expect(headersOf(parent, "tool-call.completed")).toHaveLength(2);
    await test.advanceTime(20_000);
    expect((await test.store.listDuties({ kind: "child", limit: 10 })).duties).toEqual([]);
    await test.close();
  });
});
