import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  typesOf,
  within,
} from "../testing/scenario.fixture.ts";
import { ToolError } from "../core/errors.ts";
import type { Interceptor } from "./index.ts";

const TRAP = {
  getPrototypeOf: (): never => {
    throw new ToolError("trapped", { executed: false });
  },
};

/** A write that takes place, and then comes back with something odd. */
const writing = async (comesBack: () => unknown) => {
  const done = { times: 0, undone: 0 };
  const pay = toolOf({
    name: "pay",
    effect: "write",
    retry: { maxAttempts: 3, initialDelayMs: 1 },
    undo: () => void (done.undone += 1),
    execute: () => {
      done.times += 1;
      return comesBack();
    },
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay" }] },
  );
  const test = await createTestRuntime({ agents: [agentOf({ model, tools: [pay] })] });
  const session = await test.runtime.createSession("clerk");
  await session.send("go");
  await test.advanceTime(10_000);
  return { done, test, events: await journalOf(test, session.id) };
};

describe("a write that took place", () => {
  it.each([
    ["a symbol", () => Symbol("odd")],
    ["a function", () => () => "odd"],
    ["a proxy that lets nobody look at it", () => new Proxy({}, TRAP)],
    [
      "a proxy that is gone",
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return [proxy];
      },
    ],
  ])("E2 is done once and said to be done, though it gave back %s", async (_, comesBack) => {
    const { done, test, events } = await writing(comesBack);
    expect(done.times).toBe(1);
    expect(headersOf(events, "tool-call.completed")).toMatchObject([{ by: "execution" }]);
    expect(typesOf(events).at(-1)).toBe("run.completed");
    await test.close();
  });

  it.each([
    ["a proxy that lets nobody look at it", () => new Proxy({}, TRAP)],
    [
      "an error that does not say whether it did anything",
      () =>
        Object.defineProperty(new ToolError("odd"), "executed", {
          get: (): never => {
            throw new ToolError("trapped", { executed: false });
          },
        }),
    ],
  ])("E2 is of unknown outcome, and not done again, though it threw %s", async (_, thrown) => {
    const { done, test, events } = await writing(() => {
      throw thrown();
    });
    expect(done.times).toBe(1);
    expect(typesOf(events)).toContain("tool-call.unknown");
    await test.close();
  });
});

/** A till, and an interceptor before it that answers with something odd. */
const intercepted = async (before: Interceptor["before"], needsApproval = false) => {
  const paid: unknown[] = [];
  const pay = toolOf({
    name: "pay",
    effect: "write",
    ...(needsApproval ? { needsApproval } : {}),
    execute: (input) => void paid.push(input),
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay", input: { cents: 1 } }] },
  );
  const interceptors = before === undefined ? [] : [{ name: "odd", before }];
  const test = await createTestRuntime({ agents: [agentOf({ model, tools: [pay] })], interceptors });
  const session = await test.runtime.createSession("clerk");
  return { paid, test, model, session, run: await session.send("go") };
};

const deeply = (levels: number): unknown => (levels === 0 ? "end" : { in: deeply(levels - 1) });

describe("an interceptor", () => {
  it.each([
    ["has no words", () => ({ deny: Object.create(null) }) as never, /odd.{1,2} failed/],
    [
      "lets nobody look at it",
      () => new Proxy({}, { ownKeys: TRAP.getPrototypeOf }) as never,
      /odd.{1,2} failed/,
    ],
    ["is deeper than can be kept", () => ({ input: deeply(200) }) as never, /more than can be kept/],
    [
      "never ends",
      () => {
        const input: { self?: unknown } = {};
        input.self = input;
        return { input } as never;
      },
      /more than can be kept/,
    ],
  ])("E4 E9 lets nothing pass by an answer that %s", async (_, before, said) => {
    const { paid, test, model, run } = await intercepted(before);
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "completed" });
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toMatch(said);
    expect(paid).toEqual([]);
    expect(model.requests).toHaveLength(2);
    await test.close();
  });

  it("E4 E5 holds up no session by an odd answer about what an approver changed", async () => {
    const before: Interceptor["before"] = ({ input }) =>
      JSON.stringify(input).includes("2") ? ({ deny: Object.create(null) } as never) : undefined;
    const { paid, test, session, run } = await intercepted(before, true);
    await test.advanceTime(100);
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
    await session.decide(asked.approvalId, { verdict: "approve", input: { cents: 2 } });
    await test.advanceTime(1_000);
    expect(await session.pending()).toMatchObject([{ kind: "approval", input: { cents: 1 } }]);
    await run.cancel();
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "cancelled" });
    expect(paid).toEqual([]);
    await test.close();
  });
});
