import { describe, expect, it } from "vitest";
import type { Delivery, RunDelivery } from "../core/delivery.ts";
import { HoldfastError } from "../core/errors.ts";
import { scriptedModel } from "../models/index.ts";
import { createTestRuntime, type TestRuntime } from "../testing/create-test-runtime.ts";
import { agentOf, journalOf, keepingLogger, toolOf } from "../testing/scenario.fixture.ts";
import { createRuntime, type RecipientOptions } from "./index.ts";

const MINUTE = 60_000;

/** Fails, asks a person, is answered, or completes: as its input says. */
const pay = toolOf({
  name: "pay",
  effect: "write",
  execute: () => {
    throw new TypeError("the line went dead");
  },
});
const model = scriptedModel(({ lastUserText, toolResults }) => {
  if (lastUserText.includes("fail")) return { fail: { code: "MODEL_UNAUTHORIZED" } };
  if (lastUserText.includes("pay") && toolResults.length === 0)
    return { toolCalls: [{ name: "pay", input: {} }] };
  return { text: "Done." };
});
const clerk = agentOf({ model, tools: [pay] });

type Taken = Pick<RunDelivery, "id" | "type" | "sessionId" | "position">;

/** A recipient that remembers what it was told, and does not take the first so many. */
const listener = (name: string, refuse = 0, more: Partial<Exclude<RecipientOptions, Function>> = {}) => {
  const taken: RunDelivery[] = [];
  const seen: string[] = [];
  let refused = 0;
  const handle = (delivery: Delivery): void => {
    seen.push(delivery.id);
    if (refused < refuse) {
      refused += 1;
      throw new HoldfastError("DELIVERY_FAILED", "not now", { retryable: true });
    }
    if ("sessionId" in delivery) taken.push(delivery);
  };
  return {
    taken,
    seen,
    options: { name, handle, ...more } as Extract<RecipientOptions, { handle: unknown }>,
  };
};

const open = (more: Partial<Parameters<typeof createTestRuntime>[0]>): Promise<TestRuntime> =>
  createTestRuntime({ agents: [clerk], logger: keepingLogger(), modelRetry: { maxAttempts: 1 }, ...more });

const say = async (test: TestRuntime, ...texts: readonly string[]): Promise<string> => {
  const session = await test.runtime.createSession("clerk", { tenant: "acme", user: "u" });
  for (const text of texts) await session.send(text);
  await test.advanceTime(1_000);
  return session.id;
};

const shortOf = (deliveries: readonly Taken[]) =>
  deliveries.map(({ type, position }) => `${position} ${type}`);

/** The events of the journal that are to be told, in its order. */
const owed = async (test: TestRuntime, sessionId: string): Promise<string[]> =>
  (await journalOf(test, sessionId)).flatMap(({ position, header: { type } }) =>
    ["run.failed", "run.completed", "run.cancelled", "run.suspended"].includes(type)
      ? [`${position} ${type}`]
      : [],
  );

describe("O3 whoever is to be told", () => {
  it("hears of each run that failed, waits for somebody, or came to its end, with the failure as data", async () => {
    const [failures, suspensions, settled] = [listener("a"), listener("b"), listener("c")];
    const hooks = { onFailure: failures.options, onSuspend: suspensions.options, onSettled: settled.options };
    const test = await open(hooks);
    const sessionId = await say(test, "hello", "fail", "pay");
    expect(failures.taken).toMatchObject([
      {
        type: "run.failed",
        sessionId,
        agent: "clerk",
        tenant: "acme",
        failure: { code: "MODEL_UNAUTHORIZED" },
      },
    ]);
    expect(suspensions.taken).toMatchObject([
      {
        type: "run.suspended",
        waitingFor: [{ kind: "resolution", callId: expect.any(String) }],
        failure: null,
      },
    ]);
    expect(settled.taken.map(({ type }) => type)).toEqual(["run.completed", "run.failed"]);
    expect(JSON.stringify([...failures.taken, ...suspensions.taken])).not.toContain("the line went dead");
    await test.close();
  });

  it("is told nothing of a wait that time ends, and nothing of other agents", async () => {
    const [waits, others] = [listener("a"), listener("b", 0, { agents: ["somebody"] })];
    const busy = scriptedModel(({ index }) =>
      index === 0 ? { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: MINUTE } } : { text: "Done." },
    );
    const test = await open({
      agents: [agentOf({ model: busy })],
      onSuspend: waits.options,
      onSettled: [waits.options, others.options],
      modelRetry: { maxAttempts: 3 },
    });
    const sessionId = await say(test, "hello");
    await test.advanceTime(2 * MINUTE);
    expect((await owed(test, sessionId)).map((one) => one.split(" ")[1])).toEqual([
      "run.suspended",
      "run.completed",
    ]);
    expect(waits.taken.map(({ type }) => type)).toEqual(["run.completed"]);
    expect(others.taken).toEqual([]);
    await test.close();
  });

  it("is told again until it takes it, under the same id, in the order of the session", async () => {
    const all = listener("all", 3);
    const test = await open({ onSettled: all.options, onSuspend: all.options });
    const sessionId = await say(test, "fail", "hello", "pay");
    expect(all.taken).toEqual([]);
    await test.advanceTime(10 * MINUTE);
    expect(shortOf(all.taken)).toEqual(await owed(test, sessionId));
    expect(new Set(all.seen.slice(0, 4)).size).toBe(1);
    expect(new Set(all.seen).size).toBe(3);
    await test.close();
  });

  it("does not hold up the others: those of other sessions, and other recipients", async () => {
    const never = { name: "never", handle: () => new Promise(() => {}), timeoutMs: 24 * 60 * MINUTE };
    const other = listener("other");
    const test = await open({ onSettled: [never, other.options] });
    for (let index = 0; index < 40; index += 1) await say(test, "hello");
    expect(other.taken).toHaveLength(40);
    const closing = test.close();
    await test.advanceTime(MINUTE);
    await closing;
  });

  it("that hangs is given up after its limit, and told again", async () => {
    let calls = 0;
    const signals: AbortSignal[] = [];
    const hangs = {
      name: "hangs",
      timeoutMs: 2_000,
      handle: (_: RunDelivery, { signal }: { readonly signal: AbortSignal }) => {
        calls += 1;
        signals.push(signal);
        return calls === 1 ? new Promise(() => {}) : undefined;
      },
    };
    const test = await open({ onSettled: hangs });
    await say(test, "hello");
    await test.advanceTime(MINUTE);
    expect([calls, signals[0]?.aborted]).toEqual([2, true]);
    await test.close();
  });

  it("is known by its name after a restart, and what it is owed waits for it", async () => {
    const later = listener("later");
    const test = await open({
      onSettled: { ...later.options, handle: () => Promise.reject(new TypeError("down")) },
    });
    await say(test, "hello");
    const without = await test.restart({ onSettled: () => undefined });
    await without.advanceTime(10 * MINUTE);
    const again = await without.restart({ onSettled: later.options });
    await again.advanceTime(MINUTE);
    expect(later.taken).toMatchObject([{ type: "run.completed" }]);
    await again.close();
  });

  it("is told what a failure was by its code alone once its words are erased (J4)", async () => {
    const all = listener("all", 1);
    const test = await open({ onFailure: all.options });
    await test.runtime.erase(await say(test, "fail"));
    await test.advanceTime(MINUTE);
    expect(all.taken).toMatchObject([
      { failure: { code: "MODEL_UNAUTHORIZED", message: "The run failed." } },
    ]);
    await test.close();
  });

  it("has a name of its own, and what is not usable is refused", async () => {
    const [one, other] = [listener("a"), listener("a")];
    const secret = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
    for (const wrong of [
      { onFailure: [one.options, other.options] },
      { onFailure: { ...one.options, name: "" } },
      { onFailure: { ...one.options, escalate: { to: "nobody" } } },
      { onFailure: { ...one.options, timeoutMs: 0 } },
      { onFailure: { ...one.options, retries: 3 } },
      { onFailure: { name: "w", url: "ftp://x", secret } },
      { onFailure: { name: "w", url: "https://user:pass@x.example", secret } },
      { onFailure: { name: "w", url: "https://x.example", secret: "whsec_c2hvcnQ=" } },
      { onFailure: { name: "w", url: "https://x.example", secret: secret.slice(6) } },
      { onFailure: { name: "w", url: "https://x.example" } },
    ]) {
      await expect(open(wrong as never)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    }
  });
});

describe("O3 nobody is forgotten", () => {
  it.each(Array.from({ length: 16 }, (_, write) => write + 1))(
    "by a process that dies after its write %i",
    async (write) => {
      const all = listener("all", 1);
      const hooks = { onSettled: all.options, onSuspend: all.options };
      const test = await open(hooks);
      const session = await test.runtime.createSession("clerk");
      for (const text of ["fail", "hello", "pay"]) await session.send(text, { idempotencyKey: text });
      test.crashAfter(write);
      await test.advanceTime(30_000);
      const next = await test.restart();
      await next.advanceTime(30 * MINUTE);
      const expected = await owed(next, session.id);
      expect(expected).toHaveLength(3);
      // At least once, and each for the first time in order.
      const firsts = [...new Map(all.taken.map((one) => [one.id, one])).values()];
      expect(shortOf(firsts)).toEqual(expected);
      await next.close();
    },
  );

  it("with two processes, each of which tells what is owed once", async () => {
    const all = listener("all");
    const test = await open({ onSettled: all.options });
    const other = await createRuntime({
      agents: [clerk],
      store: test.store.attach(),
      clock: test.clock,
      logger: keepingLogger(),
      onSettled: all.options,
    });
    for (let index = 0; index < 20; index += 1) await say(test, "hello", "fail");
    await test.advanceTime(MINUTE);
    expect(all.taken).toHaveLength(40);
    expect(new Set(all.seen).size).toBe(40);
    await other.close();
    await test.close();
  });

  it.each(["fail-before", "fail-after"] as const)(
    "though every third change of what is owed ends badly: %s",
    async (kind) => {
      let changes = 0;
      const all = listener("all", 2);
      const test = await open({
        onSettled: all.options,
        onSuspend: all.options,
        faults: ({ operation }) => {
          if (operation !== "changeDuty") return null;
          changes += 1;
          return changes % 3 === 0 ? { kind } : null;
        },
      });
      const sessionId = await say(test, "fail", "hello", "pay");
      await test.advanceTime(30 * MINUTE);
      const firsts = [...new Map(all.taken.map((one) => [one.id, one])).values()];
      expect(shortOf(firsts)).toEqual(await owed(test, sessionId));
      await test.close();
    },
  );
});

describe("O3 a dead letter", () => {
  const retry = { maxAttempts: 3, initialDelayMs: 1_000, maxDelayMs: 5_000 };

  it("is what nobody took; it lets the next one through, and can be sent again or discarded", async () => {
    const all = listener("all", 6, { retry });
    const test = await open({ onSettled: all.options });
    const sessionId = await say(test, "fail", "fail", "hello");
    await test.advanceTime(MINUTE);
    expect(all.taken.map(({ type }) => type)).toEqual(["run.completed"]);
    const { deadLetters } = await test.runtime.deadLetters.list();
    expect(deadLetters).toMatchObject(
      [1, 2].map(() => ({
        recipient: "all",
        sessionId,
        type: "run.failed",
        attempts: 3,
        failure: { code: "DELIVERY_FAILED", message: "not now" },
      })),
    );
    const [newer, older] = deadLetters;
    await test.runtime.deadLetters.retry(older?.id ?? "");
    await test.runtime.deadLetters.discard(newer?.id ?? "");
    await test.advanceTime(MINUTE);
    expect(all.taken.map(({ id }) => id)).toEqual([expect.any(String), older?.id]);
    expect((await test.runtime.deadLetters.list()).deadLetters).toEqual([]);
    await expect(test.runtime.deadLetters.retry(older?.id ?? "")).rejects.toMatchObject({
      code: "DELIVERY_NOT_FOUND",
    });
    await test.close();
  });

  it("is told to somebody else, as is what was tried so often in vain", async () => {
    const [deaf, slow, pager] = [
      listener("deaf", 99, { retry, escalate: { to: "pager" } }),
      listener("slow", 2),
      listener("pager"),
    ];
    slow.options = { ...slow.options, escalate: { to: "pager", afterAttempts: 2 } } as typeof slow.options;
    const test = await open({ onFailure: [deaf.options, slow.options], onEscalation: pager.options });
    await say(test, "fail");
    await test.advanceTime(10 * MINUTE);
    expect(slow.taken).toMatchObject([{ isEscalation: false }]);
    expect(pager.taken).toMatchObject(
      [1, 2].map(() => ({ type: "run.failed", isEscalation: true, failure: { code: "MODEL_UNAUTHORIZED" } })),
    );
    // One event and one recipient, whoever did not take it before.
    expect(new Set(pager.seen).size).toBe(1);
    await test.close();
  });
});

describe("O3 a suspension that nobody answers", () => {
  const suspended = async () => {
    const [people, pager] = [listener("people"), listener("pager")];
    const options = { ...people.options, escalate: { to: "pager", afterMs: 10 * MINUTE } };
    const test = await open({ onSuspend: options, onEscalation: pager.options });
    const sessionId = await say(test, "pay");
    await test.advanceTime(9 * MINUTE);
    expect([people.taken.length, pager.taken.length]).toEqual([1, 0]);
    return { test, pager, session: await test.runtime.getSession(sessionId) };
  };

  it("is told to somebody else when its time is over", async () => {
    const { test, pager } = await suspended();
    await test.advanceTime(2 * MINUTE);
    expect(pager.taken).toMatchObject([
      { type: "run.suspended", isEscalation: true, waitingFor: [{ kind: "resolution" }] },
    ]);
    await test.close();
  });

  it("is not, once it is answered", async () => {
    const { test, pager, session } = await suspended();
    const [call] = (await session.snapshot()).openCalls;
    await session.resolveCall(call?.callId ?? "", { as: "completed", output: 1 });
    await test.advanceTime(10 * MINUTE);
    expect(pager.taken).toEqual([]);
    await test.close();
  });
});

it("S3 what is owed holds no timer while it waits for its time", async () => {
  const deaf = listener("deaf", 99, {
    retry: { maxAttempts: 9, initialDelayMs: 3_600_000, maxDelayMs: 36_000_000 },
  });
  const test = await open({ onSettled: deaf.options });
  const idle = test.clock.pendingTimers;
  for (let index = 0; index < 50; index += 1) await say(test, "hello");
  expect(deaf.seen).toHaveLength(50);
  expect(test.clock.pendingTimers).toBeLessThanOrEqual(idle + 1);
  await test.close();
});
