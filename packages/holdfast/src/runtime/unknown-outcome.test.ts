import { describe, expect, it } from "vitest";
import type { LoadedSession } from "../ports/journal-store.ts";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  typesOf,
  within,
} from "../testing/scenario.fixture.ts";
import type { AgentDefinition, Run, Session, VerifyResult } from "./index.ts";

const usePay = { toolCalls: [{ name: "pay", input: { cents: 5 } }] };
const payThenSay = () =>
  recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: JSON.stringify(toolResults[0]?.output) } : usePay,
  );

type Scene = { readonly test: TestRuntime; readonly session: Session; readonly run: Run };

const start = async (agent: AgentDefinition): Promise<Scene> => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  return { test, session, run: await session.send("go") };
};

/** A write that breaks off without a word of what it did, until it is mended. */
const brokenPay = (world: { paid: number; isMended?: boolean }) =>
  toolOf({
    name: "pay",
    effect: "write",
    execute: () => {
      world.paid += 1;
      if (world.isMended === true) return "paid";
      throw new TypeError("socket hang up");
    },
  });

const askedCall = async ({ test, run }: Scene): Promise<string> => {
  const outcome = await within(test, run.outcome(), 120_000);
  const [wait] = outcome.status === "suspended" ? outcome.waitingFor : [];
  if (wait?.kind !== "resolution") throw new TypeError(`not asked: ${JSON.stringify(outcome)}`);
  return wait.callId;
};

describe("a write of unknown outcome that cannot be verified", () => {
  it("E2 suspends the run and asks; it is not repeated, whatever time passes", async () => {
    const world = { paid: 0 };
    const scene = await start(agentOf({ model: payThenSay(), tools: [brokenPay(world)] }));
    await askedCall(scene);
    await scene.test.advanceTime(3_600_000);
    expect(world.paid).toBe(1);
    expect(await scene.session.snapshot()).toMatchObject({
      status: "suspended",
      openCalls: [{ tool: "pay", status: "unknown" }],
    });
  });

  it.each([
    [{ as: "completed", output: { receipt: 7 } } as const, 1, '"receipt":7'],
    [{ as: "failed", message: "the bank refused" } as const, 1, "the bank refused"],
    [{ as: "retry" } as const, 2, "paid"],
  ])("E2 goes on as a person says: %o", async (resolution, paid, said) => {
    const world = { paid: 0, isMended: false };
    const scene = await start(agentOf({ model: payThenSay(), tools: [brokenPay(world)] }));
    const callId = await askedCall(scene);
    world.isMended = true;
    await scene.session.resolveCall(callId, { ...resolution, by: "ann" });
    const outcome = await within(scene.test, scene.run.outcome(), 5_000);
    expect(outcome).toMatchObject({ status: "completed", text: expect.stringContaining(said) });
    expect(world.paid).toBe(paid);
    const events = await journalOf(scene.test, scene.session.id);
    expect(headersOf(events, "tool-call.resolved")).toMatchObject([{ callId, as: resolution.as }]);
    expect(JSON.stringify(events)).toContain("ann");
  });

  it("E2 a retry has the same idempotency key and the next attempt", async () => {
    const world = { paid: 0, isMended: false };
    const scene = await start(agentOf({ model: payThenSay(), tools: [brokenPay(world)] }));
    const callId = await askedCall(scene);
    world.isMended = true;
    await scene.session.resolveCall(callId, { as: "retry" });
    await within(scene.test, scene.run.outcome(), 5_000);
    const started = headersOf(await journalOf(scene.test, scene.session.id), "tool-call.started");
    expect(started.map((header) => header.attempt)).toEqual([1, 2]);
    expect(new Set(started.map((header) => header.idempotencyKey)).size).toBe(1);
  });

  it("E2 E4 the first of two answers wins, also when both come at once; the second is refused", async () => {
    const scene = await start(agentOf({ model: payThenSay(), tools: [brokenPay({ paid: 0 })] }));
    const callId = await askedCall(scene);
    const answers = await Promise.allSettled([
      scene.session.resolveCall(callId, { as: "completed", output: "first" }),
      scene.session.resolveCall(callId, { as: "failed", message: "second" }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "rejected"]);
    expect(answers[1]).toMatchObject({ reason: { code: "CALL_NOT_WAITING" } });
    const outcome = await within(scene.test, scene.run.outcome(), 5_000);
    expect(outcome).toMatchObject({ text: expect.stringContaining("first") });
    await expect(scene.session.resolveCall(callId, { as: "retry" })).rejects.toMatchObject({
      code: "CALL_NOT_FOUND",
    });
  });

  it("E2 refuses answers to calls that do not exist, that are in flight, or that say nothing", async () => {
    const door = makeDoor();
    const pay = toolOf({ name: "pay", effect: "write", execute: () => door.opened });
    const scene = await start(agentOf({ model: payThenSay(), tools: [pay] }));
    await scene.test.clock.settle();
    const [open] = (await scene.session.snapshot()).openCalls;
    const { session } = scene;
    await expect(session.resolveCall("call_0_0", { as: "retry" })).rejects.toMatchObject({
      code: "CALL_NOT_FOUND",
    });
    await expect(session.resolveCall(open?.callId ?? "", { as: "retry" })).rejects.toMatchObject({
      code: "CALL_NOT_WAITING",
    });
    const wrong = JSON.parse('{ "as": "done" }');
    await expect(session.resolveCall(open?.callId ?? "", wrong)).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    door.open();
  });
});

describe("a write of unknown outcome with `verify`", () => {
  const verified = async (answers: readonly (VerifyResult<string> | "throws")[]) => {
    const world = { paid: 0, looked: [] as number[], isMended: false };
    const pay = toolOf({
      name: "pay",
      effect: "write",
      timeoutMs: 1_000,
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      execute: () => {
        world.paid += 1;
        if (world.paid === 1) throw new TypeError("socket hang up");
        return "paid again";
      },
      verify: () => {
        world.looked.push(scene.test.clock.now());
        const answer = answers[Math.min(world.looked.length, answers.length) - 1];
        if (answer === "throws" || answer === undefined) throw new TypeError("bank is down");
        return answer;
      },
    });
    const scene = await start(agentOf({ model: payThenSay(), tools: [pay] }));
    const begun = scene.test.clock.now();
    const outcome = await within(scene.test, scene.run.outcome(), 600_000);
    return { outcome, world, begun, scene, events: await journalOf(scene.test, scene.session.id) };
  };

  it("E2 done: takes the result it found, and does not pay twice", async () => {
    const { outcome, world, events } = await verified([{ status: "done", output: "receipt 9" }]);
    expect(outcome).toMatchObject({ status: "completed", text: expect.stringContaining("receipt 9") });
    expect(world.paid).toBe(1);
    expect(headersOf(events, "tool-call.completed")).toMatchObject([{ by: "verification" }]);
  });

  it("E2 not done: pays again, once", async () => {
    const { outcome, world } = await verified([{ status: "not-done" }]);
    expect(outcome).toMatchObject({ status: "completed", text: expect.stringContaining("paid again") });
    expect(world.paid).toBe(2);
  });

  it("E2 looks only when nothing of the attempt can be under way any more", async () => {
    const { world, begun } = await verified([{ status: "done", output: "x" }]);
    expect((world.looked[0] ?? 0) - begun).toBeGreaterThanOrEqual(2_000);
  });

  it("E2 unknown: asks a person", async () => {
    const { outcome, world, events } = await verified([{ status: "unknown", evidence: { seen: "twice" } }]);
    expect(outcome).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution" }] });
    expect(world.paid).toBe(1);
    expect(JSON.stringify(events)).toContain("twice");
  });

  it("E2 throwing: looks again, later each time, then asks a person", async () => {
    const { outcome, world } = await verified(["throws"]);
    expect(outcome).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution" }] });
    expect(world.paid).toBe(1);
    expect(world.looked.length).toBeGreaterThan(2);
    expect(world.looked.length).toBeLessThan(10);
  });
});

describe("a process that dies in the middle of a write", () => {
  it("E2 E1 the next one asks instead of paying again", async () => {
    let paid = 0;
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        paid += 1;
        return makeDoor().opened;
      },
    });
    const { test, run } = await start(agentOf({ model: payThenSay(), tools: [pay] }));
    await test.clock.settle();
    const next = await test.restart();
    const again = await next.runtime.getRun(run.id);
    expect(await within(next, again.outcome(), 60_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "resolution" }],
    });
    expect(paid).toBe(1);
  });

  it("E2 E1 a read and an idempotent call are made again with the same key", async () => {
    const keys: string[] = [];
    const get = toolOf({
      name: "pay",
      effect: "idempotent",
      execute: (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        return keys.length === 1 ? makeDoor().opened : "got";
      },
    });
    const { test, run } = await start(agentOf({ model: payThenSay(), tools: [get] }));
    await test.clock.settle();
    const next = await test.restart();
    const outcome = await within(next, (await next.runtime.getRun(run.id)).outcome(), 60_000);
    expect(outcome.status).toBe("completed");
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  it("E2 S3 after three takeovers without a step forward an operator is asked, and `resume` goes on", async () => {
    let calls = 0;
    const model = recordingModel(() => {
      calls += 1;
      return calls <= 4 ? { hang: true } : { text: "alive" };
    });
    const agent = agentOf({ model });
    const first = await start(agent);
    await first.test.clock.settle();
    let { test } = first;
    for (let death = 0; death < 3; death += 1) {
      test = await test.restart();
      await test.clock.settle();
    }
    const run = await test.runtime.getRun(first.run.id);
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "operator", reason: "poisoned" }],
    });
    const before = calls;
    await test.advanceTime(600_000);
    expect(calls).toBe(before);
    calls = 4;
    await (await test.runtime.getSession(first.session.id)).resume();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed", text: "alive" });
  });

  it("E2 a session that came out of a backup while it was open waits for an operator", async () => {
    let paid = 0;
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        paid += 1;
        return paid === 1 ? makeDoor().opened : "paid";
      },
    });
    const first = await start(agentOf({ model: payThenSay(), tools: [pay] }));
    await first.test.clock.settle();
    const attach = first.test.store.attach.bind(first.test.store);
    first.test.store.attach = () => {
      const store = attach();
      const load = store.load.bind(store);
      const open = { isRestored: true };
      store.load = async (id) => {
        const loaded: LoadedSession | undefined = await load(id);
        return loaded === undefined ? undefined : { ...loaded, isRestored: open.isRestored };
      };
      const commit = store.commit.bind(store);
      store.commit = (request) => {
        open.isRestored = false;
        return commit(request);
      };
      return store;
    };
    const test = await first.test.restart();
    const run = await test.runtime.getRun(first.run.id);
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({
      waitingFor: [{ kind: "operator", reason: "restored" }],
    });
    expect(typesOf(await journalOf(test, first.session.id))).toContain("session.restored");
    await (await test.runtime.getSession(first.session.id)).resume();
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ waitingFor: [{ kind: "resolution" }] });
    expect(paid).toBe(1);
  });
});
