import { describe, expect, it } from "vitest";
import { z } from "zod";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  within,
  type AnyInput,
} from "../testing/scenario.fixture.ts";
import {
  createRuntime,
  defineTool,
  type DefinedTool,
  type Interceptor,
  type InterceptedCall,
} from "./index.ts";

/** A till that is asked to pay, and notes what it was asked. */
const tillOf = (more: object = {}) => {
  const paid: AnyInput[] = [];
  const pay = toolOf({
    name: "pay",
    effect: "write",
    execute: (input) => {
      paid.push(input);
      return { paid: input };
    },
    ...more,
  });
  return { paid, pay };
};

const payOnce = () =>
  recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay", input: { cents: 900 } }] },
  );

const start = async (
  tools: readonly DefinedTool[],
  interceptors: readonly Interceptor[],
  options: Partial<TestRuntimeOptions> = {},
) => {
  const model = payOnce();
  const test = await createTestRuntime({ agents: [agentOf({ model, tools })], interceptors, ...options });
  const session = await test.runtime.createSession("clerk", { tenant: "shop", user: "ann" });
  const ask = async () => {
    const run = await session.send("pay it");
    await within(test, run.outcome(), 60_000);
    return JSON.stringify(model.requests.at(-1)?.messages.at(-1));
  };
  return { test, model, session, ask, journal: () => journalOf(test, session.id) };
};

describe("an interceptor before a call", () => {
  it("E4 is told all about it, and changes nothing by saying nothing", async () => {
    const { pay, paid } = tillOf();
    const seen: InterceptedCall[] = [];
    const { test, ask } = await start([pay], [{ name: "see", before: (call) => void seen.push(call) }]);
    expect(await ask()).not.toContain("changed");
    expect(paid).toEqual([{ cents: 900 }]);
    expect(seen).toMatchObject([
      {
        agent: "clerk",
        tool: "pay",
        effect: "write",
        input: { cents: 900 },
        session: { tenant: "shop", user: "ann" },
      },
    ]);
    await test.close();
  });

  it("E4 refuses it, and the model is told why", async () => {
    const { pay, paid } = tillOf();
    const { test, ask, journal } = await start(
      [pay],
      [{ name: "no", before: () => ({ deny: "Not on a Sunday." }) }],
    );
    expect(await ask()).toContain("TOOL_DENIED: Not on a Sunday.");
    expect(paid).toEqual([]);
    expect(headersOf(await journal(), "tool-call.failed")).toMatchObject([
      { code: "TOOL_DENIED", attempt: 0 },
    ]);
    await test.close();
  });

  it("E4 changes its arguments: that is what runs, what is undone, and what the model is told of", async () => {
    const undone: unknown[] = [];
    const { pay, paid } = tillOf({ undo: (done: unknown) => void undone.push(done) });
    const halve: Interceptor = {
      name: "halve",
      before: ({ input }) => ({ input: { cents: (input as { cents: number }).cents / 2 } }),
    };
    const { test, ask, journal } = await start([pay], [halve, halve]);
    expect(await ask()).toContain('The input was changed before this call ran, to: {\\"cents\\":225}');
    expect(paid).toEqual([{ cents: 225 }]);
    const answer = (await journal()).find(({ header }) => header.type === "model-call.completed");
    expect(Object.values(answer?.payload?.["changed"] ?? {})).toEqual([{ cents: 225 }]);
    await test.close();
  });

  it.each(deathsUpTo(7))(
    "E2 is held to after dying $moment write $write: it is not asked anew",
    async (death) => {
      let asked = 0;
      const { pay, paid } = tillOf({ effect: "idempotent" });
      const before = () => {
        asked += 1;
        return { input: { cents: 1_000 + asked } };
      };
      const agent = agentOf({ model: payOnce(), tools: [pay] });
      const more = { interceptors: [{ name: "once", before }] };
      const test = await throughDeaths({ agent, livesMs: 70_000, more }, [death], async ({ runtime }) => {
        await (await runtime.createSession(agent, { key: "one" })).send("pay", { idempotencyKey: "once" });
      });
      expect(new Set(paid.map(({ cents }) => cents)).size).toBe(1);
      await test.close();
    },
  );

  it("E3 lets nothing through that does not fit when it has changed it", async () => {
    const paid: unknown[] = [];
    const pay = defineTool()({
      name: "pay",
      description: "pays",
      inputSchema: z.object({ cents: z.number() }),
      effect: "write",
      execute: (input) => void paid.push(input),
    });
    const { test, ask } = await start(
      [pay as DefinedTool],
      [{ name: "bad", before: () => ({ input: { cents: "many" } }) }],
    );
    expect(await ask()).toMatch(
      /the interceptor .{1,2}bad.{1,2} changed the arguments to some that do not fit/,
    );
    expect(paid).toEqual([]);
    await test.close();
  });

  it("E4 answers in its place, and the tool is not entered", async () => {
    const { pay, paid } = tillOf();
    const { test, ask, journal } = await start(
      [pay],
      [{ name: "dry", before: () => ({ output: { dryRun: true } }) }],
    );
    expect(await ask()).toContain("dryRun");
    expect(paid).toEqual([]);
    expect(headersOf(await journal(), "tool-call.completed")).toMatchObject([
      { by: "interceptor", attempt: 0 },
    ]);
    expect(headersOf(await journal(), "tool-call.started")).toHaveLength(0);
    await test.close();
  });

  it.each([
    ["throws", () => Promise.reject(new TypeError("its database is away")), /its database is away/],
    ["never answers", () => new Promise<undefined>(() => undefined), /did not answer in time/],
    ["answers with something else", () => ({ allow: false }) as never, /something other than/],
    ["answers with a word", () => "yes" as never, /something other than/],
    ["answers with two things", () => ({ input: {}, deny: "" }), /something other than/],
  ])("E4 that %s lets nothing pass", async (_, before, said) => {
    const { pay, paid } = tillOf();
    const { test, ask } = await start([pay], [{ name: "broken", before }]);
    expect(await ask()).toMatch(said);
    expect(paid).toEqual([]);
    await test.close();
  });

  it("E4 comes before the approval, which is for the changed arguments", async () => {
    const { pay, paid } = tillOf({ needsApproval: true });
    const cap: Interceptor = {
      name: "cap",
      before: ({ input }) =>
        (input as { cents: number }).cents > 500 ? { input: { cents: 500 } } : undefined,
    };
    const { test, session } = await start([pay], [cap]);
    const run = await session.send("pay it");
    await test.advanceTime(100);
    const asked = async () =>
      (await session.pending()).flatMap((each) => ("approvalId" in each ? [each] : []));
    const [pending] = await asked();
    expect(pending?.input).toEqual({ cents: 500 });
    // Somebody wants more than the interceptor lets pass: that is not approved, and asked again.
    await session.decide(pending?.approvalId ?? "", { verdict: "approve", by: "bob", input: { cents: 700 } });
    await test.advanceTime(100);
    expect(paid).toEqual([]);
    const [again] = await asked();
    await session.decide(again?.approvalId ?? "", { verdict: "approve", by: "bob", input: { cents: 400 } });
    await within(test, run.outcome(), 10_000);
    expect(paid).toEqual([{ cents: 400 }]);
    await test.close();
  });

  it("E4 changes nothing by what it does to what it was told", async () => {
    const { pay, paid } = tillOf();
    const spoil: Interceptor = {
      name: "spoil",
      before: ({ input }) => {
        (input as { cents: number }).cents = 1;
        return undefined;
      },
      after: (_call, output) => void Object.assign(output, { value: "spoilt" }),
    };
    const { test, ask } = await start([pay], [spoil]);
    expect(await ask()).not.toContain("spoilt");
    expect(paid).toEqual([{ cents: 900 }]);
    await test.close();
  });

  it("S1 sees only the tools that it names", async () => {
    const { pay, paid } = tillOf();
    const { test, ask } = await start(
      [pay, toolOf({ name: "look", effect: "read", execute: () => "" })],
      [{ name: "other", tools: ["look"], before: () => ({ deny: "no" }) }],
    );
    await ask();
    expect(paid).toHaveLength(1);
    await test.close();
  });
});

describe("an interceptor after a call", () => {
  it("O2 changes what the model reads and the journal holds", async () => {
    const { pay, paid } = tillOf();
    const { test, ask, journal } = await start(
      [pay],
      [{ name: "hide", after: () => ({ output: { paid: "***" } }) }],
    );
    expect(await ask()).toContain("***");
    expect(paid).toHaveLength(1);
    expect(
      JSON.stringify((await journal()).filter(({ header }) => header.type === "tool-call.completed")),
    ).not.toContain("900");
    await test.close();
  });

  it.each([
    ["refuses it", () => ({ deny: "It holds a password." }), /It holds a password/],
    ["answers with something else", () => ({ allow: true }) as never, /something other than/],
    ["throws", () => Promise.reject(new TypeError("away")), /failed: away/],
    ["never answers", () => new Promise<undefined>(() => undefined), /did not answer in time/],
  ])(
    "E2 that %s keeps the result from the model; the call has taken place once all the same",
    async (_, after, said) => {
      const { pay, paid } = tillOf();
      const { test, ask, journal } = await start([pay], [{ name: "guard", after }]);
      const told = await ask();
      expect(told).toMatch(said);
      expect(told).toContain("The call was made");
      expect(paid).toHaveLength(1);
      expect(headersOf(await journal(), "tool-call.completed")).toMatchObject([{ by: "execution" }]);
      await test.close();
    },
  );

  it("E10 is not what is undone with: an undo is given the result as it was", async () => {
    const undone: { output: unknown }[] = [];
    const { pay } = tillOf({
      undo: (done: { output: unknown }) => void undone.push(done),
    });
    const { test, session } = await start(
      [pay],
      [{ name: "hide", after: () => ({ output: { hidden: true } }) }],
    );
    const run = await session.send("pay it");
    await within(test, run.outcome(), 10_000);
    const again = await session.send("pay it");
    await test.advanceTime(0);
    await again.cancel({ mode: "rollback" });
    await within(test, again.outcome(), 10_000);
    for (const { output } of undone) expect(output).toEqual({ paid: { cents: 900 } });
    await test.close();
  });
});

const says = (): undefined => undefined;
const MISSPELT = { name: "x", befor: says };

describe("interceptors", () => {
  it.each<[Interceptor, RegExp]>([
    [{ name: "idle" }, /does nothing/],
    [{ name: "", before: says }, /needs a name/],
    [MISSPELT, /befor/],
    [{ name: "x", tools: ["pai"], before: says }, /Did you mean "pay"|no agent has/],
  ])("are refused where they would look at nothing: %o", async (interceptor, said) => {
    const { pay } = tillOf();
    const model = recordingModel(() => ({ text: "" }));
    const made = createRuntime({
      agents: [agentOf({ model, tools: [pay] })],
      interceptors: [interceptor],
      dataDir: "/nonexistent",
    });
    await expect(made).rejects.toThrow(said);
  });
});
