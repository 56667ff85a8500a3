import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestRuntime, type ScriptedToolCall, type TestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  typesOf,
  within,
  type RecordingModel,
} from "../testing/scenario.fixture.ts";
import {
  defineTool,
  fromAiSdkTool,
  type AgentDefinition,
  type Approval,
  type ApprovalRule,
  type DefinedTool,
  type Pending,
  type PendingApproval,
  type Run,
  type Session,
} from "./index.ts";

const INPUT = z.object({ cents: z.number() });
type Input = z.infer<typeof INPUT>;

type Bank = { readonly paid: number[]; readonly rule: { needsApproval: ApprovalRule<Input> } };

const bankOf = (needsApproval: ApprovalRule<Input> = true): Bank => ({ paid: [], rule: { needsApproval } });

const payTool = (bank: Bank, more: { readonly schema?: typeof INPUT } = {}): DefinedTool<Input> =>
  defineTool()({
    name: "pay",
    description: "pay",
    inputSchema: more.schema ?? INPUT,
    effect: "write",
    needsApproval: bank.rule.needsApproval,
    execute: ({ cents }) => {
      bank.paid.push(cents);
      return { paid: cents };
    },
  });

/** Pays as often as it is given inputs, in one turn each; then says what came of the last. */
const paying = (...turns: readonly (readonly number[])[]): RecordingModel => {
  let turn = 0;
  return recordingModel(({ toolResults }) => {
    const next = turns[turn];
    turn += 1;
    if (next === undefined) return { text: JSON.stringify(toolResults.map(({ output }) => output)) };
    return { toolCalls: next.map((cents) => ({ name: "pay", input: { cents } })) };
  });
};

type Scene = { readonly test: TestRuntime; readonly session: Session; readonly run: Run };

const start = async (
  agent: AgentDefinition,
  owner: { readonly tenant?: string; readonly user?: string } = {},
): Promise<Scene> => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent, owner);
  return { test, session, run: await session.send("go") };
};

const isApproval = (one: Pending): one is PendingApproval => one.kind === "approval";

const asked = async ({ test, session, run }: Scene): Promise<readonly PendingApproval[]> => {
  await within(test, run.outcome(), 60_000);
  return (await session.pending()).filter(isApproval);
};

const firstAsked = async (scene: Scene): Promise<PendingApproval> => {
  const [first] = await asked(scene);
  if (first === undefined) throw new TypeError("nobody was asked");
  return first;
};

const finished = async ({ test, run }: Scene): Promise<unknown> =>
  within(test, run.outcome({ until: "settled" }), 60_000);

describe("a call that needs approval", () => {
  it("E4 waits, and runs once when it is approved", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const ask = await firstAsked(scene);
    expect(bank.paid).toEqual([]);
    expect(ask).toMatchObject({ tool: "pay", input: { cents: 5 }, quorum: 1, approvers: null });
    await scene.session.decide(ask.approvalId, { verdict: "approve", by: "ann" });
    expect(await finished(scene)).toMatchObject({ status: "completed" });
    expect(bank.paid).toEqual([5]);
    const events = await journalOf(scene.test, scene.session.id);
    expect(headersOf(events, "approval.decided")).toMatchObject([{ verdict: "approve", ask: 1 }]);
    expect(JSON.stringify(events)).toContain('"by":"ann"');
  });

  it("E4 E3 is closed when it is rejected, and the model is told why", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await scene.session.decide(approvalId, { verdict: "reject", message: "Ask for a receipt first." });
    expect(await finished(scene)).toMatchObject({
      status: "completed",
      text: expect.stringContaining("TOOL_DENIED: Ask for a receipt first."),
    });
    expect(bank.paid).toEqual([]);
  });

  it("E4 runs with the edited input, and the model is told of it", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([500]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await expect(
      scene.session.decide(approvalId, { verdict: "approve", input: { cents: "none" } }),
    ).rejects.toMatchObject({ code: "TOOL_INPUT_INVALID" });
    await scene.session.decide(approvalId, { verdict: "approve", input: { cents: 50 } });
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("was changed before") });
    expect(bank.paid).toEqual([50]);
  });

  it("E4 holds nobody up who needs none, and asks about each by itself", async () => {
    const bank = bankOf(({ cents }) => cents > 10 && { reason: `${cents} is much` });
    const scene = await start(agentOf({ model: paying([1, 20, 30]), tools: [payTool(bank)] }));
    const asks = await asked(scene);
    expect(bank.paid).toEqual([1]);
    expect(asks.map(({ input, reason }) => [input, reason])).toEqual([
      [{ cents: 20 }, "20 is much"],
      [{ cents: 30 }, "30 is much"],
    ]);
    const decided = await scene.test.runtime.decideAll([
      { approvalId: asks[1]?.approvalId ?? "", verdict: "approve" },
      { approvalId: asks[0]?.approvalId ?? "", verdict: "reject" },
      { approvalId: "apr_nobody_1_0_1", verdict: "reject" },
    ]);
    expect(decided.map(({ status }) => status)).toEqual(["accepted", "accepted", "refused"]);
    await finished(scene);
    expect(bank.paid).toEqual([1, 30]);
  });

  it("E4 whose rule throws is not run, and the model is told", async () => {
    const bank = bankOf(() => {
      throw new TypeError("no rates today");
    });
    const scene = await start(agentOf({ model: paying([1]), tools: [payTool(bank)] }));
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("no rates today") });
    expect(bank.paid).toEqual([]);
  });

  it("E4 is not waited for where nobody is left who may approve it", async () => {
    const bank = bankOf({ approvers: ["ann"], excludeRequester: true });
    const scene = await start(agentOf({ model: paying([1]), tools: [payTool(bank)] }), { user: "ann" });
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("TOOL_DENIED") });
    expect(bank.paid).toEqual([]);
  });

  it("E4 is decided on by nobody unnamed where the session has no user to tell apart", async () => {
    const bank = bankOf({ excludeRequester: true });
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await expect(scene.session.decide(approvalId, { verdict: "approve" })).rejects.toMatchObject({
      code: "APPROVER_REFUSED",
    });
  });

  it("E9 E4 is not approved with an edit that would have to be cut", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    const input = { cents: 5, more: Array.from({ length: 300_000 }, (_, index) => index) };
    await expect(scene.session.decide(approvalId, { verdict: "approve", input })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it("E4 runs what was approved, whatever its rule made of what it was shown", async () => {
    const bank = bankOf((input) => {
      Object.assign(input, { cents: 99_999 });
      return true;
    });
    const gate = Promise.withResolvers<void>();
    const slow = toolOf({ name: "slow", effect: "read", execute: () => gate.promise });
    const toolCalls: readonly ScriptedToolCall[] = [
      { name: "slow", input: {} },
      { name: "pay", input: { cents: 5 } },
    ];
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls },
    );
    const scene = await start(agentOf({ model, tools: [payTool(bank), slow] }));
    await scene.test.advanceTime(10);
    const [ask] = (await scene.session.pending()).filter(isApproval);
    await scene.session.decide(ask?.approvalId ?? "", { verdict: "approve" });
    await scene.test.advanceTime(10);
    gate.resolve();
    await finished(scene);
    expect(bank.paid).toEqual([5]);
  });

  it.each([
    ["always", true, 1],
    ["never", false, 0],
    ["as its function says", (input: unknown) => JSON.stringify(input).includes("5"), 1],
  ] as const)("E4 is asked about where an AI SDK tool says so: %s", async (_when, needsApproval, asks) => {
    const theirs = { inputSchema: INPUT, execute: () => "paid", needsApproval };
    const tool = fromAiSdkTool(theirs, { name: "pay", effect: "write" });
    const scene = await start(agentOf({ model: paying([5]), tools: [tool] }));
    expect(await asked(scene)).toHaveLength(asks);
  });

  it.each([
    [{ quorum: 0 }, "quorum"],
    [{ quorum: 2, approvers: ["ann"] }, "needs 2 approvals"],
    [{ quorum: 2, mayRemember: true }, "remembered"],
    [{ approvers: [] }, "names nobody"],
    [{ escalate: [{ afterMs: 1, approvers: ["a"] }] }, "anybody may decide"],
    [{ onTimeout: "maybe" }, "onTimeout"],
    [{ aprovers: ["ann"] }, "aprovers"],
    ["yes", "neither yes nor no"],
  ])("E4 terms that mean nothing are refused: %o", (terms, word) => {
    expect(() => payTool(bankOf(terms as never))).toThrow(word);
  });

  it("E4 an agent's rule sees every call that its tool lets pass", async () => {
    const seen: unknown[] = [];
    const tool = toolOf({ name: "pay", effect: "write", execute: () => "paid" });
    const scene = await start(
      agentOf({
        model: paying([5]),
        tools: [tool],
        needsApproval: (call, { session }) => {
          seen.push({ ...call, user: session.user });
          return call.effect === "write";
        },
      }),
      { user: "bob" },
    );
    expect(await asked(scene)).toHaveLength(1);
    expect(seen).toEqual([{ tool: "pay", effect: "write", input: { cents: 5 }, user: "bob" }]);
  });
});

describe("an approval", () => {
  it("E4 of two answers the first wins, and the same one again is no error", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    const { session } = scene;
    const two = await Promise.allSettled([
      session.decide(approvalId, { verdict: "reject", by: "ann" }),
      session.decide(approvalId, { verdict: "approve", by: "bob" }),
    ]);
    expect(two.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await finished(scene);
    await session.decide(approvalId, { verdict: "reject", by: "ann" });
    await expect(session.decide(approvalId, { verdict: "approve", by: "bob" })).rejects.toMatchObject({
      code: "APPROVAL_NOT_WAITING",
    });
    expect(bank.paid).toEqual([]);
  });

  it("E4 that comes before the question uses nothing up", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    const second = approvalId.replace(/1$/, "2");
    for (const id of [second, second, second.replace(/2$/, "99")])
      await expect(scene.session.decide(id, { verdict: "reject", by: "stranger" })).rejects.toMatchObject({
        code: "APPROVAL_NOT_WAITING",
      });
    const { sessions } = await scene.test.runtime.listSessions();
    expect(sessions[0]?.unreadSignals).toBe(0);
    await scene.session.decide(approvalId, { verdict: "approve" });
    await finished(scene);
    expect(bank.paid).toEqual([5]);
  });

  it("O2 E4 says no secret in what is kept of it, or told to the model", async () => {
    const bank = bankOf();
    const learn = toolOf({ name: "learn", effect: "read", execute: (_, { secret }) => secret("KEY").length });
    let turn = 0;
    const model = recordingModel(() => {
      turn += 1;
      if (turn === 1) return { toolCalls: [{ name: "learn", input: {} }] };
      return turn === 2 ? { toolCalls: [{ name: "pay", input: { cents: 5 } }] } : { text: "done" };
    });
    const agent = agentOf({ model, tools: [payTool(bank), learn] });
    const test = await createTestRuntime({ agents: [agent], secrets: { KEY: "sk-very-secret-1" } });
    const session = await test.runtime.createSession(agent);
    const scene = { test, session, run: await session.send("go") };
    const { approvalId } = await firstAsked(scene);
    await session.decide(approvalId, { verdict: "reject", message: "Use sk-very-secret-1 instead." });
    await finished(scene);
    const shown = JSON.stringify([await journalOf(test, session.id), model.requests]);
    expect(shown).toContain("instead");
    expect(shown).not.toContain("sk-very-secret-1");
  });

  it("E4 an id that was never asked for, or is none, is not found", async () => {
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bankOf())] }));
    const { approvalId } = await firstAsked(scene);
    for (const wrong of ["", "apr_", "call_4_0", approvalId.replace(/_4_0_1$/, "_400_0_1")]) {
      await expect(scene.test.runtime.decide(wrong, { verdict: "approve" })).rejects.toMatchObject({
        code: expect.stringMatching(/_NOT_FOUND$/),
      });
    }
    await expect(
      scene.session.decide(approvalId.replace(/1$/, "2"), { verdict: "approve" }),
    ).rejects.toMatchObject({ code: "APPROVAL_NOT_WAITING" });
  });

  it.each([
    ["reject", "TOOL_DENIED", []],
    ["approve", "paid", [5]],
  ] as const)("E4 E6 that nobody decided in time comes to: %s", async (onTimeout, said, paid) => {
    const bank = bankOf({ timeoutMs: 3_600_000, onTimeout });
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await scene.test.advanceTime(3_600_001);
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining(said) });
    expect(bank.paid).toEqual(paid);
    await expect(scene.session.decide(approvalId, { verdict: "reject" })).rejects.toMatchObject({
      code: "APPROVAL_NOT_WAITING",
    });
  });

  it("E4 needs as many as its quorum says, each of them once", async () => {
    const bank = bankOf({ quorum: 2, approvers: ["ann", "bob", "cid"] });
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    const { session, test } = scene;
    const approve = (by?: string): Promise<void> =>
      session.decide(approvalId, { verdict: "approve", ...(by === undefined ? {} : { by }) });
    await approve("ann");
    await test.advanceTime(1_000);
    expect(await asked(scene)).toMatchObject([{ approvals: 1 }]);
    for (const wrong of ["eve", undefined])
      await expect(approve(wrong)).rejects.toMatchObject({ code: "APPROVER_REFUSED" });
    await approve("ann");
    await expect(session.decide(approvalId, { verdict: "reject", by: "ann" })).rejects.toMatchObject({
      code: "APPROVER_REFUSED",
    });
    expect(bank.paid).toEqual([]);
    await approve("cid");
    await finished(scene);
    expect(bank.paid).toEqual([5]);
  });

  it("E4 is not for whom the call is made, where duties are separate", async () => {
    const bank = bankOf({ excludeRequester: true });
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }), { user: "bob" });
    const { approvalId } = await firstAsked(scene);
    await expect(scene.session.decide(approvalId, { verdict: "approve", by: "bob" })).rejects.toMatchObject({
      code: "APPROVER_REFUSED",
    });
    await scene.session.decide(approvalId, { verdict: "approve", by: "ann" });
    await finished(scene);
    expect(bank.paid).toEqual([5]);
  });

  it("E4 goes to the next when its time has come", async () => {
    const bank = bankOf({ approvers: ["ann"], escalate: [{ afterMs: 60_000, approvers: ["boss"] }] });
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    const byBoss = (): Promise<void> => scene.session.decide(approvalId, { verdict: "approve", by: "boss" });
    await expect(byBoss()).rejects.toMatchObject({ code: "APPROVER_REFUSED" });
    await scene.test.advanceTime(60_001);
    expect(await asked(scene)).toMatchObject([{ approvers: ["ann", "boss"] }]);
    await byBoss();
    await finished(scene);
    expect(bank.paid).toEqual([5]);
  });

  it("E4 is kept for later calls only as far as it was given", async () => {
    const bank = bankOf();
    const model = paying([5], [6], [7]);
    const scene = await start(agentOf({ model, tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await scene.session.decide(approvalId, { verdict: "approve", remember: "run" });
    await finished(scene);
    expect(bank.paid).toEqual([5, 6, 7]);
    const types = typesOf(await journalOf(scene.test, scene.session.id));
    expect(types.filter((type) => type === "approval.requested")).toHaveLength(3);
  });

  it("E4 that was kept for a run is asked for in the next; one for the session until it is forgotten", async () => {
    const bank = bankOf();
    const turns = [[5], [], [6], [], [7], [], [8]];
    let turn = -1;
    const model = recordingModel(() => {
      turn += 1;
      const cents = turns[turn] ?? [];
      return cents.length === 0
        ? { text: "done" }
        : { toolCalls: cents.map((each) => ({ name: "pay", input: { cents: each } })) };
    });
    const first = await start(agentOf({ model, tools: [payTool(bank)] }));
    const { test, session } = first;
    const decide = async (scene: Scene, remember: "run" | "session"): Promise<void> =>
      session.decide((await firstAsked(scene)).approvalId, { verdict: "approve", remember });
    await decide(first, "run");
    await finished(first);
    const second = { ...first, run: await session.send("again") };
    await decide(second, "session");
    await finished(second);
    const third = { ...first, run: await session.send("again") };
    await finished(third);
    await session.forgetApprovals();
    const fourth = { ...first, run: await session.send("again") };
    expect(await asked(fourth)).toHaveLength(1);
    expect(bank.paid).toEqual([5, 6, 7]);
    await test.close();
  });

  it("E4 E5 of a run that was cancelled lets nothing run", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await scene.run.cancel();
    await expect(scene.session.decide(approvalId, { verdict: "approve" })).rejects.toMatchObject({
      code: "APPROVAL_NOT_WAITING",
    });
    expect(await finished(scene)).toMatchObject({ status: "cancelled" });
    expect(bank.paid).toEqual([]);
  });
});

describe("an approval that no longer holds", () => {
  const STRICTER = z.object({ cents: z.number().max(1_000) });

  const restarted = async (scene: Scene, agent: AgentDefinition): Promise<Scene> => {
    const test = await scene.test.restart({ agents: [agent] });
    const session = await test.runtime.getSession(scene.session.id);
    return { test, session, run: session.run(scene.run.id) };
  };

  it("E4 survives a restart with the same definition", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    const after = await restarted(scene, agentOf({ model: paying(), tools: [payTool(bank)] }));
    await after.session.decide(approvalId, { verdict: "approve" });
    expect(await finished(after)).toMatchObject({ status: "completed" });
    expect(bank.paid).toEqual([5]);
  });

  it.each([
    ["schema", bankOf(), { schema: STRICTER }],
    ["rule", bankOf({ quorum: 2 }), {}],
  ] as const)("E4 is voided and asked for again when the %s has changed", async (_what, bank, more) => {
    const old = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(old)] }));
    const { approvalId } = await firstAsked(scene);
    const after = await restarted(scene, agentOf({ model: paying(), tools: [payTool(bank, more)] }));
    await after.session.decide(approvalId, { verdict: "approve", by: "ann" });
    await after.test.advanceTime(1_000);
    const [again] = await asked(after);
    expect(bank.paid).toEqual([]);
    expect(again?.approvalId).toBe(approvalId.replace(/1$/, "2"));
    for (const by of ["ann", "bob"].slice(0, again?.quorum ?? 0))
      await after.session.decide(again?.approvalId ?? "", { verdict: "approve", by });
    await finished(after);
    expect(bank.paid).toEqual([5]);
  });

  it("E4 is asked for where a newer definition says so, though nobody had to be asked before", async () => {
    const gate = Promise.withResolvers<void>();
    const slow = toolOf({ name: "slow", effect: "idempotent", execute: () => gate.promise });
    const toolCalls: readonly ScriptedToolCall[] = [
      { name: "slow", input: {} },
      { name: "pay", input: { cents: 5 } },
    ];
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls },
    );
    const limits = { maxParallelToolCalls: 1 };
    const before = await start(agentOf({ model, tools: [payTool(bankOf(false)), slow], limits }));
    await before.test.advanceTime(10);
    const bank = bankOf();
    gate.resolve();
    const fast = toolOf({ name: "slow", effect: "idempotent", execute: () => "done" });
    const after = await restarted(before, agentOf({ model, tools: [payTool(bank), fast], limits }));
    expect(await asked(after)).toHaveLength(1);
    expect(bank.paid).toEqual([]);
  });

  it("E4 is voided when it was given in time and its call starts too late", async () => {
    const bank = bankOf({ timeoutMs: 60_000 });
    const agent = agentOf({ model: paying([5]), tools: [payTool(bank)] });
    const scene = await start(agent);
    const { approvalId } = await firstAsked(scene);
    scene.test.crashAfter(1);
    void scene.session.decide(approvalId, { verdict: "approve" }).catch(() => undefined);
    await scene.test.advanceTime(120_000);
    const after = await restarted(scene, agent);
    expect(await asked(after)).toMatchObject([{ approvalId: approvalId.replace(/1$/, "2") }]);
    expect(bank.paid).toEqual([]);
  });

  const ranOut = async (bank: Bank): Promise<Scene> => {
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    scene.test.crashAfter(1);
    void scene.session.decide(approvalId, { verdict: "approve" }).catch(() => undefined);
    await scene.test.advanceTime(120_000);
    return scene;
  };

  it("E4 is not waited for when it ran out and nobody has to be asked any more", async () => {
    const bank = bankOf({ timeoutMs: 60_000 });
    const free = payTool({ ...bank, rule: { needsApproval: () => false } });
    const after = await restarted(await ranOut(bank), agentOf({ model: paying(), tools: [free] }));
    expect(await finished(after)).toMatchObject({ status: "completed" });
    expect(bank.paid).toEqual([5]);
  });

  it("E4 E3 is not waited for when it ran out and the tool does not take the input any more", async () => {
    const bank = bankOf({ timeoutMs: 60_000 });
    const narrow = payTool(bank, { schema: INPUT.refine(({ cents }) => cents > 9, "too little") });
    const after = await restarted(await ranOut(bank), agentOf({ model: paying(), tools: [narrow] }));
    expect(await finished(after)).toMatchObject({ text: expect.stringContaining("too little") });
    expect(bank.paid).toEqual([]);
  });

  it("E4 E7 whose rule never comes to rest is refused in the end", async () => {
    let count = 2;
    const bank = bankOf((): Approval => {
      count += 1;
      return { approvers: Array.from({ length: count }, (_, index) => `p${index}`) };
    });
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    for (let round = 0; round < 5; round += 1) {
      const [ask] = await asked(scene);
      if (ask !== undefined) await scene.session.decide(ask.approvalId, { verdict: "approve", by: "p0" });
      await scene.test.advanceTime(1_000);
    }
    expect(await finished(scene)).toMatchObject({ text: expect.stringContaining("TOOL_DENIED") });
    expect(bank.paid).toEqual([]);
  });

  it("J4 E4 shows no input in a header, and holds no more once its content is erased", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([77_123]), tools: [payTool(bank)] }));
    await firstAsked(scene);
    const stored = await scene.test.store.read(scene.session.id, 0, { limit: 100, omitPayload: true });
    expect(JSON.stringify(stored.map(({ header }) => header))).not.toContain("77123");
  });

  it("E4 J4 does not take another verdict for the first, though its content is erased", async () => {
    const bank = bankOf();
    const scene = await start(agentOf({ model: paying([5]), tools: [payTool(bank)] }));
    const { approvalId } = await firstAsked(scene);
    await scene.session.decide(approvalId, { verdict: "approve", by: "ann" });
    expect(await finished(scene)).toMatchObject({ status: "completed" });
    await scene.test.runtime.erase(scene.session.id);
    await expect(scene.session.decide(approvalId, { verdict: "reject", by: "ann" })).rejects.toMatchObject({
      code: "APPROVAL_NOT_WAITING",
    });
    // Who it was, and what they said with it, is not known any more.
    await scene.session.decide(approvalId, { verdict: "approve", by: "ann" });
    expect(bank.paid).toEqual([5]);
  });
});

describe("a process that dies", () => {
  it.each([1, 2, 3, 4, 5, 6, 7])(
    "E4 E1 at durable write %i of an approved call: decided again, it is paid once",
    async (writes) => {
      const bank = bankOf();
      const agent = agentOf({ model: paying([5]), tools: [idempotent(bank)] });
      const test = await createTestRuntime({ agents: [agent] });
      test.crashAfter(writes);
      const begun = (async (): Promise<void> => {
        const session = await test.runtime.createSession(agent, { key: "one" });
        await session.send("go", { idempotencyKey: "mail-1" });
        await decideFirst({ test, session });
      })();
      void begun.catch(() => undefined);
      await test.advanceTime(5_000);
      const after = await test.restart();
      const session = await after.runtime.createSession(agent, { key: "one" });
      const run = await session.send("go", { idempotencyKey: "mail-1" });
      await after.advanceTime(60_000);
      await decideFirst({ test: after, session });
      const outcome = await within(after, run.outcome({ until: "settled" }), 600_000);
      expect(outcome).toMatchObject({ status: "completed" });
      expect(new Set(bank.paid)).toEqual(new Set([5]));
      const events = await journalOf(after, session.id);
      expect(headersOf(events, "approval.decided")).toHaveLength(1);
      expect(headersOf(events, "tool-call.completed")).toHaveLength(1);
      await after.close();
    },
  );
});

/** Repeating it is no harm, so a process may die in the middle of it. */
const idempotent = (bank: Bank): DefinedTool<Input> =>
  defineTool()({
    name: "pay",
    description: "pay",
    inputSchema: INPUT,
    effect: "idempotent",
    needsApproval: bank.rule.needsApproval,
    execute: ({ cents }) => {
      bank.paid.push(cents);
      return { paid: cents };
    },
  });

const decideFirst = async ({ test, session }: Pick<Scene, "test" | "session">): Promise<void> => {
  await test.advanceTime(1_000);
  const [ask] = (await session.pending()).filter(isApproval);
  if (ask !== undefined) await session.decide(ask.approvalId, { verdict: "approve", by: "ann" });
};

describe("waiting for approval", () => {
  it("E4 is found over all sessions, by tenant, while something else of the turn still runs", async () => {
    const bank = bankOf(({ cents }) => cents > 10);
    const gate = Promise.withResolvers<void>();
    const slow = toolOf({ name: "slow", effect: "read", execute: () => gate.promise });
    const toolCalls: readonly ScriptedToolCall[] = [
      { name: "slow", input: {} },
      { name: "pay", input: { cents: 20 } },
    ];
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls },
    );
    const agent = agentOf({ model, tools: [payTool(bank), slow] });
    const { test, session, run } = await start(agent, { tenant: "acme" });
    await test.advanceTime(10);
    const page = await test.runtime.pending({ kind: "approval", tenant: "acme" });
    expect(page.pending).toMatchObject([{ sessionId: session.id, tool: "pay" }]);
    expect(await test.runtime.pending({ kind: "approval", tenant: "other" })).toMatchObject({ pending: [] });
    await test.runtime.decide(page.pending.filter(isApproval)[0]?.approvalId ?? "", { verdict: "approve" });
    await test.advanceTime(10);
    expect(bank.paid).toEqual([20]);
    gate.resolve();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed" });
  });
});
