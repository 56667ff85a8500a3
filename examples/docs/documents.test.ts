/** Runs what the documents show, on the real store and against real HTTP. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createRuntime, defineAgent, stderrLogger, type Run, type Runtime, type Session } from "holdfast";
import { createModelServer, scriptedModel, type ModelServer } from "holdfast/testing";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { startCalling, startService, type Answers } from "./harness.ts";
import { findMatches, query } from "./isolated.ts";
import { careful, openWithPrices, reader, sendImage, sendWithSettings, triage } from "./models.ts";
import {
  backUp,
  checkNext,
  drainOnTerm,
  forget,
  forgetUser,
  open,
  openShared,
  openTraced,
  post,
} from "./operations.ts";
import { createPayments, type FakePayments } from "./payments.ts";
import * as runs from "./runs.ts";
import { collectPayment, onPaid } from "./waiting.ts";
import { defineSupport } from "./support.ts";
import {
  bookSeat,
  convert,
  drawChart,
  getWeather,
  renderInvoice,
  searchLogs,
  stockLevel,
  subscribe,
} from "./tools.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dataDir, { recursive: true, force: true });
});

const textOf = async (run: Run): Promise<string> => await run.output();

/** Calls the tool once and answers what the model was given. */
const tell = async (...[tool, calling]: Parameters<typeof startCalling>): Promise<string> => {
  const { runtime, run } = await startCalling(tool, calling);
  onTestFinished(() => runtime.close());
  return await textOf(run);
};

test("the first agent answers in an empty folder", async () => {
  const file = join(import.meta.dirname, "first-agent.ts");
  // The condition is how this repository reads its own package unbuilt.
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=holdfast-source", file], {
    cwd: dataDir,
  });
  expect(stdout).toBe('The tool says: "shipped on Monday"\n');
});

describe("docs/tools.md", () => {
  const start = async (answers: Answers) => {
    const service = await startService(answers);
    onTestFinished(() => void service.stop());
    const called = await startCalling(bookSeat, {
      dataDir,
      input: { train: "IC-5" },
      deps: { bookingUrl: service.url },
    });
    onTestFinished(() => called.runtime.close());
    return { ...called, service };
  };

  test("a write that promises nothing happened is tried again with the same key", async () => {
    const { run, service } = await start([
      { status: 429, body: {} },
      { status: 200, body: { seat: "12a" } },
    ]);
    expect(await textOf(run)).toBe('{"seat":"12a"}');
    expect(new Set(service.keys).size).toBe(1);
    expect(service.keys).toHaveLength(2);
  });

  test("one that will never work is told to the model", async () => {
    const { run } = await start([{ status: 409, body: {} }]);
    expect(await textOf(run)).toContain("The train is full.");
  });

  test("anything else is unknown, and a person is asked", async () => {
    const { run, service, runtime } = await start([{ status: 500, body: {} }]);
    const outcome = await run.outcome();
    expect(outcome).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution" }] });
    const session: Session = await runtime.getSession(run.sessionId);
    const resolved = await runs.resolveUnknown(session, run, () => Promise.resolve("seat 12a"));
    expect(resolved).toMatchObject({ status: "completed", text: '"seat 12a"' });
    expect(service.keys).toHaveLength(1);
  });

  test("a tool that keeps failing is left alone by all sessions", async () => {
    const service = await startService([]);
    onTestFinished(() => void service.stop());
    const input = { article: "bolt" };
    const deps = { warehouseUrl: service.url };
    const { runtime, run } = await startCalling(stockLevel, { dataDir, input, deps });
    onTestFinished(() => runtime.close());
    expect(await textOf(run)).toContain("The warehouse answers 500.");
    const later = async (): Promise<string> => {
      const session = await runtime.createSession("caller", { user: "bob" });
      return textOf(await session.send("go"));
    };
    expect(await later()).toContain("stock_level was not called");
    expect(await later()).toContain("stock_level was not called");
    expect(service.keys).toHaveLength(5);
    expect(await runtime.circuits()).toMatchObject([{ name: "warehouse", circuit: { kind: "open" } }]);
  });

  test("a result that is too long is cut, and whole in the workspace", async () => {
    const { runtime, run } = await startCalling(searchLogs, { dataDir, input: { text: "timeout" } });
    onTestFinished(() => runtime.close());
    const told = await textOf(run);
    const file = /tool-outputs\/[\w-]+\.txt/.exec(told)?.[0] ?? "";
    expect(told).toContain("0: timeout");
    const whole = await readFile(join(dataDir, "workspaces", run.sessionId, file), "utf8");
    expect(whole.split("\n")).toHaveLength(500);
  });

  test("a picture is kept apart and shown to the model", async () => {
    const deps = { draw: () => Uint8Array.from([137, 80, 78, 71]) };
    const told = await tell(drawChart, { dataDir, input: { values: [1, 2] }, deps });
    expect(told).toContain("A chart of 4 bytes.");
    expect(told).toContain('"mediaType":"image/png"');
  });

  test("the context brings secrets that do not stay, and a workspace", async () => {
    const calling = {
      dataDir,
      input: { month: "2026-01" },
      deps: { render: (token: string) => Promise.resolve(`signed with ${token}`) },
      secrets: { INVOICE_TOKEN: "s3cret-token" },
    };
    const { runtime, run } = await startCalling(renderInvoice, calling);
    onTestFinished(() => runtime.close());
    expect(await textOf(run)).toContain("invoices/2026-01.txt");
    const file = join(dataDir, "workspaces", run.sessionId, "invoices", "2026-01.txt");
    expect(await readFile(file, "utf8")).toBe("signed with s3cret-token");
  });

  test("a key of the tool's own, JSON Schema, and a tool of the AI SDK", async () => {
    const keys: string[] = [];
    const deps = { subscribe: (_address: string, key: string) => Promise.resolve(void keys.push(key)) };
    const subscribed = { dataDir, input: { address: "Ada@example.com" }, deps };
    expect(await tell(subscribe, subscribed)).toBe('"subscribed"');
    expect(keys).toEqual(["ada@example.com"]);
    expect(await tell(convert, { dataDir: join(dataDir, "2"), input: { km: 100 } })).toContain("62.1371");
    expect(await tell(getWeather, { dataDir: join(dataDir, "3"), input: { city: "Bergen" } })).toContain(
      "It rains in Bergen.",
    );
  });
});

describe("isolated tools of docs/tools.md", () => {
  /** The machine of a test may be busy with others: then threads and processes take their time to start. */
  const patient = <Isolated extends typeof findMatches | typeof query>(
    tool: Isolated,
    timeoutMs = 60_000,
  ): Isolated => ({
    ...tool,
    policy: { ...tool.policy, timeoutMs },
  });

  test("a pattern that never comes to an end is stopped, and others are not held up", async () => {
    const hopeless = { pattern: "^(a+)+$", text: `${"a".repeat(60)}b` };
    const stopped = tell(patient(findMatches, 10_000), { dataDir: join(dataDir, "1"), input: hopeless });
    const input = { pattern: "b$", text: "a\nab" };
    expect(await tell(patient(findMatches), { dataDir: join(dataDir, "2"), input })).toBe('["ab"]');
    expect(await stopped).toContain("TOOL_TIMEOUT");
  });

  test("a query that never comes to an end is stopped in the middle of native code", async () => {
    const sum = { sql: "SELECT sum(cents) AS cents FROM sales" };
    expect(await tell(patient(query), { dataDir: join(dataDir, "1"), input: sum })).toBe('[{"cents":2000}]');
    const hopeless = {
      sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    };
    expect(await tell(query, { dataDir: join(dataDir, "2"), input: hopeless })).toContain("TOOL_TIMEOUT");
  });
});

describe("docs/runs.md", () => {
  let payments: FakePayments;
  const openShop = async (): Promise<Runtime> => {
    payments = createPayments();
    const model = scriptedModel(({ toolResults }) =>
      toolResults.length === 0
        ? { text: "One moment.", toolCalls: [{ name: "refund_order", input: { orderId: "42", cents: 500 } }] }
        : { text: "Order 42 is refunded.", deltas: 4 },
    );
    const runtime = await createRuntime({ agents: [defineSupport(model)], dataDir, deps: { payments } });
    onTestFinished(() => runtime.close());
    return runtime;
  };
  const mail = { id: "mail-881", text: "Refund order 42." };

  test("a mail that comes twice is worked once, and found again by its run", async () => {
    const runtime = await openShop();
    const [first, second] = [await runs.sendOnce(runtime, mail), await runs.sendOnce(runtime, mail)];
    expect(second.id).toBe(first.id);
    expect(await runs.describe(first)).toMatch(/^Order 42 is refunded\. \(2 turns, \d+ tokens in\)$/);
    expect(await runs.findAgain(runtime, first.id)).toMatchObject({ status: "completed" });
    expect(payments.refunds).toHaveLength(1);
    await expect(runs.sendOnce(runtime, { ...mail, text: "Something else" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
  });

  test("text and events come as they are made", async () => {
    const runtime = await openShop();
    const run = await runs.sendOnce(runtime, mail);
    let text = "";
    await runs.print(run, (piece) => (text += piece));
    expect(text).toBe("One moment.Order 42 is refunded.");
    const lines: string[] = [];
    const session: Session = await runtime.getSession(run.sessionId);
    const cursor = await runs.follow(session, 0, (line) => lines.push(line));
    expect(lines).toEqual([expect.stringMatching(/^call_.* took \d+ ms$/)]);
    expect(cursor).toBe((await session.snapshot()).position);
  });

  test("what is said meanwhile joins the run that is active", async () => {
    const runtime = await openShop();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    payments.after = () => {
      begin();
      return mayEnd;
    };
    const run = await runs.sendOnce(runtime, mail);
    await begun;
    const session: Session = await runtime.getSession(run.sessionId);
    const told = runs.steer(session);
    await vi.waitFor(async () => expect((await session.snapshot()).queuedRuns).toHaveLength(1));
    end();
    expect(await told).toMatchObject({ runId: run.id, status: "completed" });
  });

  test("a tool that waits goes on with the signal, which may come twice", async () => {
    const asked: string[] = [];
    const till = { askForPayment: async (orderId: string) => void asked.push(orderId) };
    const model = scriptedModel(({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: "collect_payment", input: { orderId: "42" } }] }
        : { text: JSON.stringify(toolResults[0]) },
    );
    const agent = defineAgent({ name: "shop", instructions: "Sell.", model, tools: [collectPayment] });
    const runtime = await createRuntime({ agents: [agent], dataDir, deps: { till } });
    onTestFinished(() => runtime.close());
    const session = await runtime.createSession(agent);
    const run = await session.send("Order 42, please.");
    expect(await run.outcome()).toMatchObject({ status: "suspended" });
    await onPaid(session, { id: "hook-1", orderId: "42" });
    await onPaid(session, { id: "hook-1", orderId: "42" });
    const outcome = await run.outcome({ until: "settled" });
    expect(outcome).toMatchObject({ status: "completed", text: expect.stringContaining("500") });
    expect(asked).toEqual(["42"]);
  });

  test("a cancelled write may or may not have happened, and says so", async () => {
    const runtime = await openShop();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    payments.after = () => {
      begin();
      return new Promise(() => undefined);
    };
    const run = await runs.sendOnce(runtime, mail);
    await begun;
    const outcome = await runs.stop(run);
    expect(outcome).toMatchObject({ status: "cancelled", unknownCalls: [expect.stringMatching(/^call_/)] });
    expect(await runs.describe(run)).toContain("may or may not have happened: call_");
    expect(await runs.look(runtime)).toEqual([]);
  });
});

describe("docs/models.md", () => {
  // A provider's package reads its address once, so all tests share one server.
  let anthropic: ModelServer;
  beforeAll(async () => {
    anthropic = await createModelServer({ script: [{ text: "1" }, { text: "2" }], apiKey: "right" });
  });
  afterAll(() => anthropic.close());

  test("the next model is used when one gives up", async () => {
    await using openai = await createModelServer({ script: [{ text: "It says so." }] });
    vi.stubEnv("ANTHROPIC_BASE_URL", `${anthropic.url}/v1`);
    vi.stubEnv("ANTHROPIC_API_KEY", "wrong");
    vi.stubEnv("OPENAI_BASE_URL", `${openai.url}/v1`);
    vi.stubEnv("OPENAI_API_KEY", "any");
    await using runtime = await createRuntime({ agents: [reader], dataDir });
    const { output } = await runtime.run(reader, "What does it say?");
    expect(output).toBe("It says so.");
    expect(anthropic.requests.map(({ status }) => status)).toEqual([401]);
  });

  test("settings, cache breakpoints and pictures reach the provider", async () => {
    vi.stubEnv("ANTHROPIC_BASE_URL", `${anthropic.url}/v1`);
    vi.stubEnv("ANTHROPIC_API_KEY", "right");
    const before = anthropic.requests.length;
    await using runtime = await createRuntime({ agents: [careful], dataDir });
    const session = await runtime.createSession(careful, { user: "Ada" });
    await textOf(await sendWithSettings(session));
    await textOf(await sendImage(session, Uint8Array.from([137, 80, 78, 71])));
    const [first, second] = anthropic.requests.slice(before).map(({ body }) => JSON.stringify(body));
    expect(first).toContain('"cache_control":{"type":"ephemeral"}');
    expect(first).toContain("You help Ada.");
    expect(second).toContain('"media_type":"image/png"');
  });

  test("a structured answer is checked, sent back once, typed and priced", async () => {
    const valid = { urgency: "high", summary: "The oven is on fire." };
    await using server = await createModelServer({
      script: [{ text: '{"urgency":"very"}' }, { text: JSON.stringify(valid) }],
    });
    vi.stubEnv("OPENAI_COMPATIBLE_BASE_URL", `${server.url}/v1`);
    const agent = triage("openai-compatible/qwen3");
    await using runtime = await openWithPrices([agent], dataDir);
    const { output, run } = await runtime.run(agent, "My oven burns!");
    expect(output).toEqual(valid);
    const outcome = await run.outcome();
    expect(outcome).toMatchObject({ status: "completed", turns: 2 });
    expect(outcome.status === "completed" && outcome.costUsd).toBeGreaterThan(0);
  });
});

describe("docs/operations.md", () => {
  const echo = defineSupport(scriptedModel(({ lastUserText }) => ({ text: lastUserText })));

  test("one process posts, another does the work", async () => {
    const deps = { payments: createPayments() };
    const runId = await post([echo as never], dataDir, { id: "7" });
    await using worker = await createRuntime({ agents: [echo], dataDir, deps });
    const run = await worker.getRun(runId);
    expect(await run.output()).toBe("Look after order 7.");
  });

  test("a backup opens elsewhere, and what is erased is gone", async () => {
    const deps = { payments: createPayments() };
    const runtime = await createRuntime({ agents: [echo], dataDir, deps });
    const { sessionId } = await runtime.run(echo, "private words");
    await backUp(runtime, join(dataDir, "backups"));
    expect(await forget(runtime, sessionId, -1)).toBe(0);
    const gone = { sessions: 0, memories: 0, schedules: 0, copies: [] };
    expect(await forgetUser(runtime)).toEqual(gone);
    const events = await Array.fromAsync((await runtime.getSession(sessionId)).history());
    expect(JSON.stringify(events)).not.toContain("private words");
    expect(await runtime.store.check()).toEqual([]);
    await runtime.close();
    const day = new Date().toISOString().slice(0, 10);
    await using copy = await createRuntime({ agents: [echo], dataDir: join(dataDir, "backups", day), deps });
    const kept = await Array.fromAsync((await copy.getSession(sessionId)).history());
    expect(JSON.stringify(kept)).toContain("private words");
  });

  test("a runtime without an SDK set up for its spans just runs", async () => {
    await using runtime = await openTraced([echo as never], dataDir);
    expect((await runtime.run(echo, "traced")).output).toBe("traced");
  });

  test("a deploy that would break an open run is told so", async () => {
    const service = await startService([{ status: 500, body: {} }]);
    onTestFinished(() => void service.stop());
    const deps = { bookingUrl: service.url };
    const { runtime, run } = await startCalling(bookSeat, { dataDir, input: { train: "IC-5" }, deps });
    onTestFinished(() => runtime.close());
    expect((await run.outcome()).status).toBe("suspended");
    const model = scriptedModel([{ text: "x" }]);
    const without = defineAgent({ name: "caller", model, instructions: "Call it.", tools: [] });
    expect(await checkNext([without], dataDir)).toEqual([run.sessionId]);
  });

  test("tenants share a runtime by turns", async () => {
    await using runtime = await openShared([echo as never], dataDir);
    const tenants = ["enterprise", "startup"];
    const runs = tenants.map((tenant) => runtime.run(echo, tenant, { tenant }));
    expect((await Promise.all(runs)).map(({ output }) => output)).toEqual(tenants);
  });

  test("SIGTERM closes the runtime", async () => {
    const runtime = await open([echo as never], dataDir, stderrLogger());
    drainOnTerm(runtime);
    process.emit("SIGTERM");
    await expect(runtime.createSession("support")).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
    await runtime.close();
  });
});
