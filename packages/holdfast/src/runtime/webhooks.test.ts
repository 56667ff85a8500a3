/** Webhooks against real servers, checked by the library of the Standard Webhooks project. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { scriptedModel } from "../models/index.ts";
import { agentOf, keepingLogger } from "../testing/scenario.fixture.ts";
import { createRuntime, createSystemClock, type RecipientOptions, type Runtime } from "./index.ts";

const SECRET = `whsec_${Buffer.from("a secret of twenty-four b").toString("base64")}`;
const OLD = `whsec_${Buffer.from("the secret that was before").toString("base64")}`;
const clerk = agentOf({
  model: scriptedModel(({ lastUserText }) =>
    lastUserText === "fail" ? { fail: { code: "MODEL_UNAUTHORIZED" } } : { text: "Done." },
  ),
});

type Request = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly at: number };
type Answer = (response: ServerResponse, count: number) => void;

const clock = createSystemClock();

const ok: Answer = (response) => void response.writeHead(204).end();

describe("a webhook", () => {
  let dataDir = "";
  let server: Server;
  let runtime: Runtime;
  let requests: Request[] = [];
  let answer: Answer = ok;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "holdfast-webhooks-"));
    requests = [];
    answer = ok;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        requests.push({
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
          at: clock.monotonicMs(),
        });
        answer(response, requests.length);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    await runtime.close();
    server.closeAllConnections();
    server.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const address = (): string => {
    const place = server.address();
    return typeof place === "object" && place !== null ? `http://127.0.0.1:${place.port}/hook` : "";
  };
  const RETRY = { maxAttempts: 5, initialDelayMs: 20, maxDelayMs: 50 };

  const open = async (more: Partial<Exclude<RecipientOptions, Function>> = {}): Promise<void> => {
    const hook = { name: "hook", url: address(), secret: SECRET, retry: RETRY, ...more } as RecipientOptions;
    runtime = await createRuntime({
      agents: [clerk],
      dataDir,
      logger: keepingLogger(),
      onSettled: hook,
      modelRetry: { maxAttempts: 1 },
      drainTimeoutMs: 200,
    });
  };
  const say = async (...texts: readonly string[]): Promise<string> => {
    const session = await runtime.createSession(clerk, { tenant: "acme" });
    for (const text of texts) await session.send(text);
    return session.id;
  };
  const until = (count: number): Promise<void> =>
    vi.waitFor(() => expect(requests.length).toBeGreaterThanOrEqual(count), {
      timeout: 20_000,
      interval: 20,
    });
  const idOf = ({ headers }: Request): string => String(headers["webhook-id"]);
  const dead = async () => (await runtime.deadLetters.list()).deadLetters;

  it("O3 is signed as Standard Webhooks has it, and tells the event as data", async () => {
    await open();
    const sessionId = await say("fail");
    await until(1);
    const [{ headers, body } = { headers: {}, body: "" }] = requests;
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toMatchObject({
      type: "run.failed",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      data: {
        sessionId,
        agent: "clerk",
        tenant: "acme",
        isEscalation: false,
        failure: { code: "MODEL_UNAUTHORIZED" },
      },
    });
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "webhook-id": expect.stringMatching(/^msg_[\w-]{27}$/),
      "webhook-timestamp": expect.stringMatching(/^\d{10}$/),
      "webhook-signature": expect.stringMatching(/^v1,[\w+/]{43}=$/),
    });
    const forged = `${body.slice(0, -1)} }`;
    expect(() => new Webhook(SECRET).verify(forged, headers as Record<string, string>)).toThrow();
    expect(() => new Webhook(OLD).verify(body, headers as Record<string, string>)).toThrow();
  });

  it("is signed with the old secret too while it is changed", async () => {
    await open({ secret: [SECRET, OLD] });
    await say("hello");
    await until(1);
    for (const secret of [SECRET, OLD]) {
      const [{ headers, body } = { headers: {}, body: "" }] = requests;
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
        type: "run.completed",
      });
    }
  });

  it("that answers 500 is asked again: the same id and body, a new time, in the order of the session", async () => {
    answer = (response, count) => void response.writeHead(count <= 2 ? 500 : 200).end("words");
    await open();
    await say("fail", "hello");
    await until(4);
    expect(new Set(requests.slice(0, 3).map(idOf)).size).toBe(1);
    expect(new Set(requests.slice(0, 3).map(({ body }) => body)).size).toBe(1);
    expect(requests.map(({ body }) => JSON.parse(body).type)).toEqual([
      ...Array(3).fill("run.failed"),
      "run.completed",
    ]);
    for (const { body, headers } of requests)
      new Webhook(SECRET).verify(body, headers as Record<string, string>);
    expect(await dead()).toEqual([]);
  });

  it("is given up after its attempts, and can be sent again by hand", async () => {
    answer = (response) => void response.writeHead(503).end();
    await open({ retry: { ...RETRY, maxAttempts: 2 } });
    await say("hello");
    await vi.waitFor(async () => expect(await dead()).toHaveLength(1), { timeout: 20_000 });
    const [letter] = await dead();
    expect(letter).toMatchObject({
      attempts: 2,
      failure: { code: "DELIVERY_FAILED", details: { status: 503 } },
    });
    answer = ok;
    await runtime.deadLetters.retry(letter?.id ?? "");
    await until(3);
    expect(new Set(requests.map(idOf))).toEqual(new Set([letter?.id]));
    await vi.waitFor(async () =>
      expect((await runtime.store.listDuties({ kind: "delivery", limit: 9 })).duties).toEqual([]),
    );
  });

  it("that answers 410 gets nothing more", async () => {
    answer = (response) => void response.writeHead(410).end();
    await open();
    await say("hello");
    await vi.waitFor(async () => expect(await dead()).toHaveLength(1), { timeout: 20_000 });
    await say("hello");
    await vi.waitFor(async () => expect(await dead()).toHaveLength(2), { timeout: 20_000 });
    expect(requests).toHaveLength(1);
  });

  it("that redirects is not followed", async () => {
    answer = (response) => void response.writeHead(307, { location: `${address()}/elsewhere` }).end();
    await open({ retry: { ...RETRY, maxAttempts: 2 } });
    await say("hello");
    await vi.waitFor(
      async () => expect(await dead()).toMatchObject([{ failure: { details: { status: 307 } } }]),
      { timeout: 20_000 },
    );
    expect(requests).toHaveLength(2);
  });

  it.each([
    ["in seconds", { "retry-after": "1" }],
    [
      "by its own clock, which is wrong",
      { date: "Sun, 06 Nov 1994 08:49:37 GMT", "retry-after": "Sun, 06 Nov 1994 08:49:38 GMT" },
    ],
  ])("E7 that asks for patience %s gets it", async (_how, patience) => {
    answer = (response, count) => void response.writeHead(count === 1 ? 429 : 200, patience).end();
    await open();
    await say("hello");
    await until(2);
    expect((requests[1]?.at ?? 0) - (requests[0]?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it.each<[string, Answer]>([
    ["hangs", () => {}],
    ["sends its head and then nothing", (response) => response.writeHead(500).flushHeaders()],
    ["hangs up", (response) => void response.destroy()],
    [
      "answers without end",
      (response) => {
        response.writeHead(500);
        const more = (): void => {
          if (response.destroyed) return;
          response.write("x".repeat(10_000));
          clock.startTimer(1, more);
        };
        more();
      },
    ],
  ])("that %s does not hold anything up, and is asked again", async (_, bad) => {
    answer = (response, count) => (count === 1 ? bad(response, count) : ok(response, count));
    await open({ timeoutMs: 300 });
    await say("hello");
    await until(2);
    expect(requests.map(idOf)[1]).toBe(requests.map(idOf)[0]);
  });

  it("that is not there is asked until it is", async () => {
    const url = address();
    const port = Number(new URL(url).port);
    await new Promise((resolve) => server.close(resolve));
    await open({ url, retry: { ...RETRY, maxAttempts: 99, maxDelayMs: 200 } });
    await say("hello");
    await new Promise<void>((resolve) => void clock.startTimer(300, resolve));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    await until(1);
    expect(JSON.parse(requests[0]?.body ?? "{}")).toMatchObject({ type: "run.completed" });
  });

  it("O2 its secret stands nowhere in the data directory, nor in what is said of its failures", async () => {
    answer = (response) => void response.writeHead(500).end(SECRET);
    await open({ retry: { ...RETRY, maxAttempts: 1 } });
    await say("hello");
    await vi.waitFor(async () => expect(await dead()).toHaveLength(1), { timeout: 20_000 });
    expect(JSON.stringify(await dead())).not.toContain("whsec_");
    const { duties } = await runtime.store.listDuties({ kind: "delivery", limit: 9 });
    expect(JSON.stringify(duties)).not.toContain("whsec_");
  });
});
