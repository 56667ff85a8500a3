import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { NewArtifact, SavedArtifact } from "../ports/artifacts.ts";
import type { ToolContext } from "../ports/tool.ts";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { createRuntime, type ToolDefinition } from "./index.ts";

const base = await mkdtemp(join(tmpdir(), "holdfast-artifacts-"));
afterAll(() => rm(base, { recursive: true, force: true }));

type More = Partial<Pick<ToolDefinition<never, unknown, unknown>, "effect" | "retry" | "timeoutMs">>;

const once = (name: string) =>
  recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name, input: {} }] },
  );

/** An agent whose one tool is called once, with what it saves. */
const saver = (execute: (context: ToolContext) => unknown, more: More = {}) => {
  const tool = toolOf({
    name: "save",
    effect: more.effect ?? "idempotent",
    execute: (_, context) => execute(context),
    ...(more.retry === undefined ? {} : { retry: more.retry }),
    ...(more.timeoutMs === undefined ? {} : { timeoutMs: more.timeoutMs }),
  });
  return agentOf({ model: once("save"), tools: [tool] });
};

const run = async (
  execute: (context: ToolContext) => unknown,
  { more, ...options }: Partial<TestRuntimeOptions> & { readonly more?: More } = {},
) => {
  const agent = saver(execute, more);
  const dataDir = await mkdtemp(join(base, "data-"));
  const test = await createTestRuntime({ agents: [agent], dataDir, ...options });
  const session = await test.runtime.createSession(agent);
  const outcome = await (await session.send("go")).outcome();
  return { test, session, outcome, dataDir, events: await journalOf(test, session.id) };
};

/** What a tool is told that saves this. */
const refusalOf = async (file: unknown, options: Partial<TestRuntimeOptions> = {}) => {
  let refusal: unknown = null;
  const { session } = await run(async ({ artifacts, secret, workspace }) => {
    if (options.secrets !== undefined) secret("KEY");
    await workspace.write("plain.txt", "plain");
    await artifacts.save(file as NewArtifact).catch((thrown: unknown) => (refusal = thrown));
  }, options);
  expect(await session.artifacts()).toEqual([]);
  return refusal;
};

const REPORT: NewArtifact = { name: "report.md", mediaType: "text/markdown", content: "# All is well" };
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

describe("a file that a tool saves", () => {
  it("is there with the result of its call, under its name and its digest", async () => {
    let saved: SavedArtifact | undefined;
    const { session, events } = await run(async ({ artifacts }) => {
      saved = await artifacts.save(REPORT);
      return saved;
    });
    const [artifact] = await session.artifacts();
    const { callId, runId } = headersOf(events, "tool-call.completed")[0] ?? {};
    expect(artifact).toMatchObject({
      ...saved,
      name: "report.md",
      bytes: 13,
      from: "tool",
      callId,
      runId,
    });
    for (const which of ["report.md", artifact?.digest ?? ""]) {
      const { content, ...file } = await session.artifact(which);
      expect(textOf(content)).toBe("# All is well");
      expect(file).toEqual(artifact);
    }
  });

  it("is told of in the payload of the result, which can be erased, and not in its header", async () => {
    const { events } = await run(({ artifacts }) => artifacts.save(REPORT));
    const completed = events.find(({ header }) => header.type === "tool-call.completed");
    expect(completed?.payload?.["artifacts"]).toMatchObject([{ name: "report.md", bytes: 13 }]);
    expect(JSON.stringify(completed?.header)).not.toContain("report");
  });

  it("is not there before the result is", async () => {
    const door = makeDoor();
    const agent = saver(async ({ artifacts }) => {
      await artifacts.save(REPORT);
      await door.opened;
    });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const running = await session.send("go");
    await test.clock.settle();
    expect(await session.artifacts()).toEqual([]);
    await expect(session.artifact("report.md")).rejects.toMatchObject({ code: "ARTIFACT_NOT_FOUND" });
    door.open();
    await running.outcome();
    expect(await session.artifacts()).toHaveLength(1);
  });

  it("E1 of a process that dies around any write is there once, with the one result", async () => {
    for (const death of deathsUpTo(4)) {
      const agent = saver(async ({ artifacts, attempt }) => {
        await artifacts.save(REPORT);
        await artifacts.save({ name: "attempt.txt", mediaType: "text/plain", content: `attempt ${attempt}` });
      });
      const test = await throughDeaths({ agent, livesMs: 90_000 }, [death], async ({ runtime }) => {
        const session = await runtime.createSession(agent, { key: "task" });
        await session.send("go", { idempotencyKey: "one" });
      });
      const { sessions } = await test.runtime.listSessions();
      const session = await test.runtime.getSession(sessions[0]?.sessionId ?? "");
      await within(test, (await session.send("go", { idempotencyKey: "one" })).outcome(), 120_000);
      const completed = headersOf(await journalOf(test, session.id), "tool-call.completed");
      expect(completed).toHaveLength(1);
      expect((await session.artifacts()).map(({ name }) => name)).toEqual(["report.md", "attempt.txt"]);
      expect(textOf((await session.artifact("attempt.txt")).content)).toBe(
        `attempt ${completed[0]?.attempt}`,
      );
      await test.close();
    }
  }, 60_000);

  it("is lost with an attempt that fails, and kept of the one that does not", async () => {
    const { session } = await run(
      async ({ artifacts, attempt }) => {
        await artifacts.save({ ...REPORT, name: `attempt-${attempt}.md` });
        if (attempt === 1) throw new TypeError("not yet");
      },
      { more: { retry: { maxAttempts: 2, initialDelayMs: 0 } } },
    );
    expect((await session.artifacts()).map(({ name }) => name)).toEqual(["attempt-2.md"]);
  });

  it("E5 is not kept of a result that comes too late, and neither are its bytes", async () => {
    const door = makeDoor();
    const agent = saver(
      async ({ artifacts }) => {
        await door.opened;
        return { late: (await artifacts.save(REPORT)).bytes };
      },
      { timeoutMs: 1_000 },
    );
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    await within(test, (await session.send("go")).outcome(), 10_000);
    door.open();
    await test.advanceTime(1_000);
    const events = await journalOf(test, session.id);
    expect(headersOf(events, "tool-call.late")).toHaveLength(1);
    expect(await session.artifacts()).toEqual([]);
    const digest = "vgCDrCW1jDB5Ww7YG2yYbKBpTcN6Wr0MRq8tNkJDVuk";
    expect(await test.store.readBlob(session.id, digest)).toBeUndefined();
  });

  it("is what was saved last under its name, of one call; of several each is there, and the name means the last", async () => {
    const tool = toolOf({
      name: "save",
      effect: "idempotent",
      execute: async ({ text }, { artifacts }) => {
        await artifacts.save({ ...REPORT, content: "draft" });
        await artifacts.save({ ...REPORT, content: JSON.stringify(text) });
      },
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0
        ? { text: "done" }
        : { toolCalls: ["first", "second"].map((text) => ({ name: "save", input: { text } })) },
    );
    const agent = agentOf({ model, tools: [tool] });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    await (await session.send("go")).outcome();
    const all = await session.artifacts();
    const texts = await Promise.all(
      all.map(async ({ digest }) => textOf((await session.artifact(digest)).content)),
    );
    expect(texts.toSorted()).toEqual(['"first"', '"second"']);
    expect((await session.artifact("report.md")).position).toBe(all.at(-1)?.position);
  });

  it("is as it was when it was saved, whatever becomes of the buffer and the file", async () => {
    const { session } = await run(async ({ artifacts, workspace }) => {
      const buffer = Buffer.from("as it was");
      await workspace.write("notes/a.txt", "as it was");
      const saving = [
        artifacts.save({ name: "buffer.txt", mediaType: "text/plain", content: buffer }),
        artifacts.save({ name: "file.txt", mediaType: "text/plain", path: "notes/a.txt" }),
      ];
      await Promise.all(saving);
      buffer.fill(0);
      await workspace.write("notes/a.txt", "changed");
    });
    const [one, other] = await session.artifacts();
    expect(one?.digest).toBe(other?.digest);
    expect(textOf((await session.artifact("file.txt")).content)).toBe("as it was");
  });

  it("is waited for where the tool does not wait, and refused when the call is over", async () => {
    const kept: { context?: ToolContext } = {};
    const { session } = await run((context) => {
      kept.context = context;
      void context.artifacts.save(REPORT);
      return "done";
    });
    expect(await session.artifacts()).toHaveLength(1);
    await expect(kept.context?.artifacts.save(REPORT)).rejects.toMatchObject({ code: "ARTIFACT_INVALID" });
  });

  it("S1 is found in its own session alone", async () => {
    const { session, test } = await run(({ artifacts }) => artifacts.save(REPORT));
    const [artifact] = await session.artifacts();
    const other = await test.runtime.createSession("clerk");
    expect(await other.artifacts()).toEqual([]);
    await expect(other.artifact(artifact?.digest ?? "")).rejects.toMatchObject({
      code: "ARTIFACT_NOT_FOUND",
    });
  });

  it("J4 that was changed on disk is not given out", async () => {
    const { session, test } = await run(({ artifacts }) => artifacts.save(REPORT));
    const [artifact] = await session.artifacts();
    const bytes = await test.store.readBlob(session.id, artifact?.digest ?? "");
    bytes?.fill(0);
    await expect(session.artifact("report.md")).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });
});

describe("a file that is refused", () => {
  it.each([
    ["a path", "../report.md"],
    ["a folder", "reports/a.md"],
    ["a path of Windows", "..\\a.md"],
    ["the folder above", ".."],
    ["nothing", " "],
    ["an escape", "a\u001B[2J.md"],
    ["a new line", "a\nb"],
    ["what is read from the right", "a\u202Egnp.exe"],
    ["half a character", "a\uD800"],
    ["a story", "x".repeat(201)],
    ["no text", 7],
  ])("is one whose name is %s", async (_, name) => {
    expect(await refusalOf({ ...REPORT, name })).toMatchObject({ code: "ARTIFACT_INVALID" });
  });

  it.each([
    ["no media type", { ...REPORT, mediaType: "markdown" }],
    ["a media type with a header in it", { ...REPORT, mediaType: "text/html\r\nx: y" }],
    ["no content", { name: "a", mediaType: "text/plain" }],
    ["two contents", { ...REPORT, path: "plain.txt" }],
    ["a number for content", { ...REPORT, content: 7 }],
    ["no file at all", null],
  ])("is one with %s", async (_, file) => {
    expect(await refusalOf(file)).toMatchObject({ code: "ARTIFACT_INVALID" });
  });

  it.each([["../../etc/passwd"], ["/etc/passwd"], ["no-such-file"], ["."]])(
    "S1 is one at %s, which is no file of the workspace",
    async (path) => {
      expect(await refusalOf({ name: "a", mediaType: "text/plain", path })).toBeInstanceOf(Error);
    },
  );

  it("S1 is a link that leads out of the workspace", async () => {
    const outside = join(base, "outside.txt");
    await writeFile(outside, "not yours");
    let refusal: unknown = null;
    const { session } = await run(async ({ artifacts, workspace }) => {
      await symlink(outside, join(await workspace.path(), "link.txt"));
      const file = { name: "a", mediaType: "text/plain", path: "link.txt" };
      await artifacts.save(file).catch((thrown: unknown) => (refusal = thrown));
    });
    expect(refusal).toBeInstanceOf(Error);
    expect(await session.artifacts()).toEqual([]);
  });

  it("O2 is one with a secret in its bytes, as text or as base64, or in its name", async () => {
    const secrets = { KEY: "sk-live-4242424242" };
    for (const more of [
      { content: `key: ${secrets.KEY}` },
      { content: new Uint8Array(Buffer.from(`\u0000${secrets.KEY}`)) },
      { content: Buffer.from(secrets.KEY).toString("base64") },
      { name: `${secrets.KEY}.md` },
    ]) {
      const refusal = await refusalOf({ ...REPORT, ...more }, { secrets });
      expect(refusal).toMatchObject({ code: "ARTIFACT_INVALID" });
      expect(String(refusal)).not.toContain(secrets.KEY);
    }
  });

  it("is one that is too large, or one too many, and what was saved before stands", async () => {
    const codes: unknown[] = [];
    const big = new Uint8Array(32 * 1024 * 1024);
    const { session } = await run(async ({ artifacts, workspace }) => {
      const save = (name: string, more: object) =>
        artifacts
          .save({ name, mediaType: "application/octet-stream", content: "x", ...more })
          .catch(({ code }: { code: unknown }) => codes.push(code));
      await save("one", { content: big });
      await save("over", { content: new Uint8Array(big.byteLength + 1) });
      await workspace.write("big", new Uint8Array(big.byteLength + 1));
      await save("read", { content: undefined, path: "big" });
      await save("two", { content: big });
      await save("three", { content: "one byte too many" });
      await save("two", { content: "small again" });
      for (let at = 0; at < 49; at += 1) await save(`n${at}`, {});
    });
    expect(codes).toEqual(Array.from({ length: 4 }, () => "ARTIFACT_TOO_LARGE"));
    const names = (await session.artifacts()).map(({ name }) => name);
    expect(names).toHaveLength(50);
    expect(names.slice(0, 2)).toEqual(["one", "two"]);
  });

  it("fails the call where the tool does not catch it, and the model is told why", async () => {
    const { events } = await run(({ artifacts }) => artifacts.save({ ...REPORT, name: "a/b" }));
    expect(headersOf(events, "tool-call.failed")[0]).toMatchObject({ code: "ARTIFACT_INVALID" });
  });
});

describe("the files of a session", () => {
  const png = (size: number): Uint8Array => new Uint8Array(size).fill(7);

  it("are also those of inputs and of results, small ones too; one that is saved and shown is one", async () => {
    const shot = png(9_000);
    const tool = toolOf({
      name: "save",
      effect: "read",
      execute: (_, { artifacts }) =>
        artifacts.save({ name: "shot.png", mediaType: "image/png", content: shot }),
      toModelOutput: () =>
        [shot, png(10)].map((data) => ({ type: "image", mediaType: "image/png", data }) as const),
    });
    const shown = agentOf({ model: once("save"), tools: [tool] });
    const test = await createTestRuntime({ agents: [shown] });
    const session = await test.runtime.createSession(shown);
    const input = {
      type: "file",
      mediaType: "text/csv",
      filename: "a.csv",
      data: Buffer.from("a,b"),
    } as const;
    await (await session.send([{ type: "text", text: "look" }, input])).outcome();
    const found = (await session.artifacts()).map(({ name, from, bytes }) => `${name} ${from} ${bytes}`);
    expect(found).toEqual(["a.csv input 3", "shot.png tool 9000", "null tool 10"]);
    for (const { digest, bytes } of await session.artifacts())
      expect((await session.artifact(digest)).content).toHaveLength(bytes);
  });

  it("are also results that were cut, whole, and not their secrets (O2)", async () => {
    const secrets = { KEY: "sk-live-4242424242" };
    const { session, events } = await run(({ secret }) => `${secret("KEY")} ${"long ".repeat(20_000)}`, {
      secrets,
    });
    const [artifact] = await session.artifacts();
    const { callId } = headersOf(events, "tool-call.completed")[0] ?? {};
    expect(artifact).toMatchObject({ name: `${callId}.txt`, mediaType: "text/plain; charset=utf-8" });
    const { content } = await session.artifact(`${callId}.txt`);
    expect(textOf(content)).toBe(`[secret:KEY] ${"long ".repeat(20_000)}`);
  });

  it("are not what a tool says are files", async () => {
    const lie = { type: "file", mediaType: "text/plain", data: { kind: "blob", digest: "x", bytes: 1 } };
    const { session } = await run(() => ({
      artifacts: [{ name: "a", mediaType: "b", bytes: 1, digest: "c" }],
      lie,
    }));
    expect(await session.artifacts()).toEqual([]);
  });

  it("J4 are gone when the session is erased, from the disk too, large ones and small ones", async () => {
    const dataDir = await mkdtemp(join(base, "data-"));
    const agent = saver(async ({ artifacts }) => {
      await artifacts.save(REPORT);
      await artifacts.save({ name: "big", mediaType: "application/octet-stream", content: png(2_000_000) });
    });
    await using runtime = await createRuntime({ agents: [agent], dataDir });
    const session = await runtime.createSession(agent);
    await (await session.send("go")).outcome();
    expect((await session.artifact("big")).content).toHaveLength(2_000_000);
    const [report] = await session.artifacts();
    await runtime.erase(session.id);
    expect(await session.artifacts()).toEqual([]);
    expect(await runtime.store.readBlob(session.id, report?.digest ?? "")).toBeUndefined();
  });

  it("come along in a backup", async () => {
    const dataDir = await mkdtemp(join(base, "data-"));
    const agent = saver(({ artifacts }) => artifacts.save({ ...REPORT, content: png(2_000_000) }));
    await using runtime = await createRuntime({ agents: [agent], dataDir });
    const session = await runtime.createSession(agent);
    await (await session.send("go")).outcome();
    const copy = join(base, "backup");
    await runtime.store.backup(copy);
    await using other = await createRuntime({ agents: [agent], dataDir: copy });
    const restored = await other.getSession(session.id);
    expect((await restored.artifact("report.md")).content).toHaveLength(2_000_000);
  });
});
