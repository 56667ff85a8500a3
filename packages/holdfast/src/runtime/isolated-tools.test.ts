import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { ToolIsolation } from "../ports/tool.ts";
import { scriptedModel } from "../models/index.ts";
import { createInMemoryStore } from "../stores/index.ts";
import { agentOf, headersOf, journalOf, keepingLogger, toolOf } from "../testing/scenario.fixture.ts";
import { createRuntime, createSystemClock, sha256, type Outcome, type RuntimeOptions } from "./index.ts";
import { checked, fresh, tools } from "./isolated-tools.fixture.ts";

const base = await mkdtemp(join(tmpdir(), "holdfast-isolated-"));
afterAll(() => rm(base, { recursive: true, force: true }));

type Options = Partial<RuntimeOptions> & { readonly timeoutMs?: number };

const withLimit = <Limited extends Pick<IsolatedTool, "policy">>(
  tool: Limited,
  timeoutMs: number,
): Limited => ({
  ...tool,
  policy: { ...tool.policy, timeoutMs },
});

/** A runtime in real time, whose agent calls the tool with the JSON it is sent. */
const scene = async (tool: IsolatedTool, { timeoutMs, ...options }: Options = {}) => {
  const store = createInMemoryStore({ clock, sha256 });
  const logger = keepingLogger();
  const limited = timeoutMs === undefined ? tool : withLimit(tool, timeoutMs);
  const model = scriptedModel(({ toolResults, lastUserText }) =>
    toolResults.length > 0
      ? { text: JSON.stringify(toolResults) }
      : { toolCalls: [{ name: tool.name, input: JSON.parse(lastUserText) }] },
  );
  const agent = agentOf({ model, tools: [limited] });
  const dataDir = await mkdtemp(join(base, "data-"));
  const runtime = await createRuntime({ agents: [agent], clock, store, logger, dataDir, ...options });
  const start = async (input: Readonly<Record<string, string>> = {}, owner = {}) => {
    const session = await runtime.createSession(agent, owner);
    const run = await session.send(JSON.stringify(input));
    return { session, run, journal: () => journalOf({ store }, session.id) };
  };
  const call = async (input: Readonly<Record<string, string>> = {}, owner = {}) => {
    const begun = await start(input, owner);
    const outcome = await begun.run.outcome();
    return { ...begun, outcome, events: await begun.journal() };
  };
  return { runtime, logger, start, call, [Symbol.asyncDispose]: () => runtime.close() };
};

type IsolatedTool = (typeof tools)[number] | typeof checked;

const toolBy = (name: string): (typeof tools)[number] => {
  const found = tools.find((tool) => tool.name === name);
  if (found === undefined) throw new TypeError(`There is no tool ${name}.`);
  return found;
};

type Where = { readonly pid: number; readonly thread: number; readonly calls: number };

const ONE = { maxThreads: 1, maxProcesses: 1 };

/** What the model read as the call's result; it answers with all of them. */
const resultOf = (outcome: Outcome<string>): unknown => {
  const text = outcome.status === "completed" ? outcome.text : "[]";
  const [result] = JSON.parse(text) as readonly { readonly output: unknown }[];
  return result?.output;
};

const valueOf = (outcome: Outcome<string>): unknown =>
  (resultOf(outcome) as { readonly value: unknown }).value;

const isolationOf = (tool: IsolatedTool): ToolIsolation => {
  if (tool.isolation === undefined) throw new TypeError("It is not isolated.");
  return tool.isolation;
};

/** Process ids that a tool has written down. */
const pidsIn = async (file: string): Promise<readonly number[]> => {
  await until(async () => (await readFile(file, "utf8").catch(() => "")).endsWith("]"));
  return JSON.parse(await readFile(file, "utf8")) as readonly number[];
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const clock = createSystemClock();

const until = async (isSo: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> => {
  const end = clock.monotonicMs() + limitMs;
  while (!(await isSo())) {
    if (clock.monotonicMs() > end) throw new TypeError("It did not come to that in time.");
    await new Promise<void>((resolve) => void clock.startTimer(10, resolve));
  }
};

const KINDS = ["thread", "process"] as const;

const DEATHS: readonly (readonly [string, RegExp])[] = [
  ["leak", /ran out of memory/],
  ["flood", /ran out of memory/],
  ["reject", /nobody caught a rejection: nobody listens/],
  ["throw_later", /it threw what nobody caught: nobody is there/],
  ["exit", /exited with code 7/],
];
const DEATHS_OF_PROCESSES: typeof DEATHS = [
  ["abort", /ended by SIGABRT/],
  ["kill_itself", /ended by SIGKILL/],
];

describe.each(KINDS)("a tool in a %s", (kind) => {
  const tool = (effect: "read" | "write", name: string) => toolBy(`${kind}_${effect}_${name}`);

  it("I7 knows its session, run and call, and gives back what it was given", async () => {
    await using test = await scene(tool("read", "echo"));
    const owner = { tenant: "acme", user: "u1", attributes: { plan: "gold" } };
    const { outcome, session, run } = await test.call({ a: "b" }, owner);
    expect(resultOf(outcome)).toEqual({
      type: "json",
      value: {
        input: { a: "b" },
        session: { id: session.id, ...owner },
        runId: run.id,
        callId: "call_4_0",
        attempt: 1,
        idempotencyKey: expect.stringMatching(/^.{20,}$/),
      },
    });
  });

  it("runs elsewhere, and the next call in the same place", async () => {
    await using test = await scene(tool("read", "where"));
    const first = valueOf((await test.call()).outcome) as Where;
    const second = valueOf((await test.call()).outcome) as Where;
    expect(kind === "thread" ? first.thread : first.pid).not.toBe(kind === "thread" ? 0 : process.pid);
    expect(second).toEqual({ ...first, calls: first.calls + 1 });
  });

  it.each([...DEATHS, ...(kind === "process" ? DEATHS_OF_PROCESSES : [])])(
    "S2 I4 that dies is a failure of its attempt, and of nothing else: %s",
    async (name, why) => {
      await using test = await scene(tool("read", name));
      const { outcome, events } = await test.call();
      expect(outcome.status).toBe("completed");
      expect(resultOf(outcome)).toMatchObject({ type: "error", value: expect.stringMatching(why) });
      expect(headersOf(events, "tool-call.failed")).toMatchObject([{ code: "TOOL_CRASHED" }]);
    },
  );

  it("S2 E2 that dies in a write has an unknown outcome: a person is asked", async () => {
    await using test = await scene(tool("write", "exit"));
    const { outcome, events } = await test.call();
    expect(outcome).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution" }] });
    expect(headersOf(events, "tool-call.unknown")).toMatchObject([{ code: "TOOL_CRASHED" }]);
  });

  it("S2 E6 in an endless loop is stopped by its time limit, and the next call gets a new place", async () => {
    await using test = await scene(tool("read", "spin"), { timeoutMs: 5_000, isolation: ONE });
    const { outcome, events } = await test.call();
    expect(resultOf(outcome)).toMatchObject({
      type: "error",
      value: expect.stringContaining("TOOL_TIMEOUT"),
    });
    expect(headersOf(events, "tool-call.failed")).toMatchObject([{ code: "TOOL_TIMEOUT" }]);
    // There is one place: the next one begins only when the first has ended.
    expect((await test.call()).outcome.status).toBe("completed");
  });

  it("S2 E5 a cancel is acknowledged at once while it spins, and it spins no longer than its grace", async () => {
    await using test = await scene(tool("read", "spin"), { isolation: ONE });
    const { run } = await test.start();
    await until(() => test.logger.lines.some(({ message }) => message === "entered"));
    const begun = clock.monotonicMs();
    await run.cancel();
    const acknowledgedMs = clock.monotonicMs() - begun;
    const outcome = await run.outcome();
    expect(outcome.status).toBe("cancelled");
    expect(acknowledgedMs).toBeLessThan(500);
    expect(clock.monotonicMs() - begun).toBeLessThan(5_000);
  });

  it("E5 hears of a cancel, and its word that nothing happened counts", async () => {
    await using test = await scene(tool("write", "listen"));
    const { run, journal } = await test.start();
    await until(() => test.logger.lines.some(({ message }) => message === "entered"));
    await run.cancel();
    expect((await run.outcome()).status).toBe("cancelled");
    expect(headersOf(await journal(), "tool-call.unknown")).toEqual([]);
    expect(headersOf(await journal(), "tool-call.failed")).toMatchObject([{ code: "TOOL_CANCELLED" }]);
  });

  it("E2 what it throws is told: an error, and that nothing happened", async () => {
    await using failing = await scene(tool("write", "fail"));
    expect((await failing.call()).outcome.status).toBe("suspended");
    await using refusing = await scene(tool("write", "refuse"));
    const { outcome } = await refusing.call();
    expect(resultOf(outcome)).toEqual({ type: "error", value: "TOOL_FAILED: Turned away." });
  });

  it("S1 I7 has the workspace of its session, and no path leads out of it", async () => {
    await using test = await scene(tool("read", "files"));
    const { outcome } = await test.call({ path: "a/b.txt", content: "words" });
    const { read, under } = valueOf(outcome) as { readonly read: string; readonly under: string };
    expect(read).toBe("words");
    expect(await readFile(join(under, "a/b.txt"), "utf8")).toBe("words");
    const escape = await test.call({ path: "../b.txt", content: "words" });
    expect(resultOf(escape.outcome)).toMatchObject({
      type: "error",
      value: expect.stringContaining("not inside the workspace"),
    });
  });

  it("S1 I7 saves files with its result, bytes and what lies in the workspace, and nothing from outside", async () => {
    await using test = await scene(tool("read", "keep"));
    const { outcome, session } = await test.call({ path: "../../../etc/passwd" });
    const { kept, why } = valueOf(outcome) as { readonly kept: readonly object[]; readonly why: string };
    expect(why).toContain("not inside the workspace");
    expect(await session.artifacts()).toMatchObject(kept);
    const texts = await Promise.all(
      ["given.bin", "file.txt"].map(async (name) =>
        Buffer.from((await session.artifact(name)).content).toString(),
      ),
    );
    expect(texts).toEqual(["012", "0123456789"]);
  });

  it("O2 I7 has secrets, and they are taken out of whatever it says and gives back", async () => {
    const value = "s3cret/välue with spaces";
    await using test = await scene(tool("read", "secret"), { secrets: { TOKEN: value } });
    const { outcome, events } = await test.call({ name: "TOKEN" });
    expect(valueOf(outcome)).toEqual({ value: "[secret:TOKEN]", encoded: "[secret:TOKEN]" });
    const said = JSON.stringify([events, test.logger.lines]);
    expect(said).toContain("the secret is [secret:TOKEN]");
    expect(said).toContain("printed [secret:TOKEN]");
    expect(said).not.toContain(value);
    const missing = await test.call({ name: "NONE" });
    expect(resultOf(missing.outcome)).toMatchObject({ value: expect.stringContaining("SECRET_NOT_FOUND") });
  });

  it("S1 I7 does nothing in the name of a call that is over, in the next one of another session", async () => {
    await using test = await scene(tool("read", "linger"), { isolation: ONE });
    await test.call();
    const { outcome, session } = await test.call();
    expect(valueOf(outcome)).toEqual({ why: expect.stringContaining("The call is over") });
    const said = test.logger.lines.map(({ message, fields }) => [message, fields?.["sessionId"]]);
    expect(said).toEqual([["my own", session.id]]);
  });

  it("has no deps, and says so", async () => {
    await using test = await scene(tool("read", "deps"), { deps: { db: 1 } });
    expect(resultOf((await test.call()).outcome)).toMatchObject({
      type: "error",
      value: expect.stringContaining("An isolated tool has no deps"),
    });
  });

  it("gives back what JSON can hold of a result, and files", async () => {
    await using odd = await scene(tool("read", "odd"));
    const { outcome, events } = await odd.call();
    expect(valueOf(outcome)).toEqual({ big: "10", when: "1970-01-01T00:00:00.000Z" });
    expect(headersOf(events, "tool-call.completed")).toMatchObject([{ isCoerced: true }]);
    await using picture = await scene(tool("read", "picture"));
    expect(resultOf((await picture.call()).outcome)).toMatchObject({ type: "content" });
  });

  it.each(["chatter", "print"])("S2 does not drown the others in words: %s", async (name) => {
    await using test = await scene(tool("read", name));
    const { outcome } = await test.call();
    expect(outcome.status).toBe("completed");
    expect(test.logger.lines.length).toBeGreaterThan(100);
    expect(test.logger.lines.length).toBeLessThan(20_000);
  });

  it("I5 leaves nothing behind when the runtime is closed in the middle of it", async () => {
    const file = join(base, `bred-${kind}.json`);
    const test = await scene(tool("read", "breed"), { drainTimeoutMs: 0 });
    await test.start({ file });
    const pids = await pidsIn(file);
    await test.runtime.close();
    // A thread's children are its process's own.
    const ended = kind === "process" ? pids : [];
    await until(() => !ended.some(isAlive));
    for (const pid of pids.filter((one) => one !== process.pid && isAlive(one))) process.kill(pid);
  });
});

describe("isolated tools", () => {
  const LIMIT_MS = 3_000;

  it("S2 that spin, leak, reject and exit leave other sessions at work", async () => {
    const harms = KINDS.flatMap((kind) =>
      ["spin", "leak", "reject", "exit"].map((name) => `${kind}_read_${name}`),
    );
    const limited = harms.map((name) => withLimit(toolBy(name), LIMIT_MS));
    const quick = toolOf({ name: "look", effect: "read", execute: () => "found" });
    const store = createInMemoryStore({ clock, sha256 });
    const model = scriptedModel(({ toolResults, lastUserText }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: lastUserText }] },
    );
    const agent = agentOf({ model, tools: [quick, ...limited] });
    await using runtime = await createRuntime({ agents: [agent], clock, store, logger: keepingLogger() });
    const call = async (name: string): Promise<number> => {
      const begun = clock.monotonicMs();
      const run = await (await runtime.createSession(agent)).send(name);
      expect(await run.outcome()).toMatchObject({ status: "completed" });
      return clock.monotonicMs() - begun;
    };
    const p99 = async (isOver: () => boolean): Promise<number> => {
      const times: number[] = [];
      while (!isOver() || times.length < 100) {
        times.push(await call("look"));
        await new Promise<void>((resolve) => void clock.startTimer(5, resolve));
      }
      return times.toSorted((left, right) => left - right)[Math.floor(times.length * 0.99)] ?? 0;
    };
    const quietMs = await p99(() => true);
    let isOver = false;
    const harm = Promise.all(harms.map(call)).finally(() => {
      isOver = true;
    });
    // A busy machine is slow at all it does; a loop that others wait for would hold them for its whole limit.
    expect(await p99(() => isOver)).toBeLessThan(Math.max(2 * quietMs, 0.8 * LIMIT_MS));
    await harm;
  });

  it("S2 in a thread keep less of what is new than Node gives a thread with a full heap to end in", async () => {
    await using test = await scene(toolBy("thread_read_limits"));
    const { youngMb } = valueOf((await test.call()).outcome) as { readonly youngMb: number };
    // With more than that V8 ends the process, now and then, when a thread leaks. A third of it outlives a collection at most.
    expect(youngMb / 3).toBeGreaterThan(0);
    expect(youngMb / 3).toBeLessThan(16);
  });

  it("I6 wait for a place, and many sessions get through few of them", async () => {
    await using test = await scene(toolBy("thread_read_sleep"), { isolation: ONE });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => test.call({ ms: "5" })));
    expect(outcomes.map(({ outcome }) => outcome.status)).toEqual(Array(20).fill("completed"));
  });

  it("S1 of a tenant with many calls do not keep another's waiting until all are done", async () => {
    await using test = await scene(toolBy("thread_read_sleep"), { isolation: ONE });
    await test.call({ ms: "0" });
    const order: string[] = [];
    const note = async (tenant: string): Promise<void> => {
      await test.call({ ms: "20" }, { tenant });
      order.push(tenant);
    };
    const many = Array.from({ length: 30 }, () => note("big"));
    const one = note("small");
    await Promise.all([...many, one]);
    expect(order.indexOf("small")).toBeLessThan(5);
  });

  it("that want a new place get one for every call", async () => {
    await using test = await scene(fresh);
    const first = valueOf((await test.call()).outcome) as Where;
    const second = valueOf((await test.call()).outcome) as Where;
    expect([first.calls, second.calls]).toEqual([1, 1]);
  });

  it("E2 whose module does not have them, or cannot be loaded, were not entered", async () => {
    const elsewhere = (module: string): IsolatedTool => {
      const known = toolBy("thread_write_echo");
      return { ...known, isolation: { ...isolationOf(known), module } };
    };
    await using without = await scene(elsewhere(new URL("../definitions/schema.ts", import.meta.url).href));
    expect(resultOf((await without.call()).outcome)).toMatchObject({
      value: expect.stringContaining('exports no isolated tool "thread_write_echo"'),
    });
    await using gone = await scene(elsewhere("file:///nowhere/tools.ts"));
    expect(resultOf((await gone.call()).outcome)).toMatchObject({
      value: expect.stringContaining("Cannot find module"),
    });
    await using runs = await scene(elsewhere(new URL("./makes-a-runtime.fixture.ts", import.meta.url).href));
    expect(resultOf((await runs.call()).outcome)).toMatchObject({
      value: expect.stringContaining("A runtime was created where an isolated tool runs"),
    });
  });

  it("E2 are verified where they run, with what their schema made of the input", async () => {
    await using test = await scene(checked);
    const { run, journal } = await test.start({ when: "2026-01-02T03:04:05Z" });
    const outcome = await run.outcome({ until: "settled" });
    expect(valueOf(outcome)).toEqual({ year: 2026, pid: expect.any(Number) });
    expect(valueOf(outcome)).not.toMatchObject({ pid: process.pid });
    expect(headersOf(await journal(), "tool-call.completed")).toMatchObject([{ by: "verification" }]);
  });

  it("I5 end with the process that started them, though it is killed while they spin", async () => {
    const file = join(base, "bred-orphan.json");
    const parent = spawn(
      process.execPath,
      [...process.execArgv, fileURLToPath(new URL("./isolated-parent.fixture.ts", import.meta.url)), file],
      { stdio: "inherit" },
    );
    const pids = await pidsIn(file);
    expect(pids.map(isAlive)).toEqual([true, true]);
    parent.kill("SIGKILL");
    await until(() => !pids.some(isAlive));
  });
});
