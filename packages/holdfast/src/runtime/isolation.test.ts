import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import { agentOf, journalOf, recordingModel, toolOf, within } from "../testing/scenario.fixture.ts";
import { createWorkspace } from "./workspace.ts";

const base = await mkdtemp(join(tmpdir(), "holdfast-isolation-"));
afterAll(() => rm(base, { recursive: true, force: true }));

describe("two hundred sessions at once", () => {
  it("S1 never see a word, a user, a result or a file of each other", async () => {
    const canary = (n: number): string => `canary<${n}>`;
    const whose = (text: string): readonly string[] => [...new Set(text.match(/canary<\d+>/g))];
    const mixed: string[] = [];
    const check = (where: string, text: string, own: string): void => {
      if (whose(text).some((found) => found !== own)) mixed.push(`${where}: ${own} ${whose(text).join()}`);
    };
    const note = toolOf({
      name: "note",
      effect: "write",
      execute: async ({ word }, { session, workspace, progress }) => {
        const own = JSON.stringify(word);
        check("context", JSON.stringify(session), JSON.parse(own));
        await workspace.write("note.txt", own);
        await Promise.resolve();
        progress(own);
        return Buffer.from(await workspace.read("note.txt")).toString();
      },
    });
    const model = recordingModel(({ messages, lastUserText, toolResults }) => {
      check("model", JSON.stringify(messages), lastUserText);
      return toolResults.length > 0
        ? { text: `${lastUserText} ${JSON.stringify(toolResults)}`, deltas: 3 }
        : { toolCalls: [{ name: "note", input: { word: lastUserText } }] };
    });
    const agent = agentOf({ model, tools: [note] });
    const test = await createTestRuntime({ agents: [agent], dataDir: join(base, "many") });
    const all = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const own = canary(n);
        const session = await test.runtime.createSession(agent, { user: own, attributes: { own } });
        const runs = [await session.send(own), await session.send(own)];
        const watching = (async () => {
          for await (const event of session.run(runs[1]?.id ?? "").events({ after: 0 })) {
            check("events", JSON.stringify(event), own);
          }
        })();
        return { own, session, runs, watching };
      }),
    );
    for (const { own, session, runs, watching } of all) {
      for (const run of runs) {
        const outcome = await run.outcome();
        expect(outcome).toMatchObject({ status: "completed", text: expect.stringContaining(own) });
        check("outcome", JSON.stringify(outcome), own);
      }
      await watching;
      check("journal", JSON.stringify(await journalOf(test, session.id)), own);
    }
    expect(mixed).toEqual([]);
    expect(await readdir(join(base, "many", "workspaces"))).toHaveLength(200);
    await test.close();
  });
});

describe("a workspace", () => {
  const outside = join(base, "outside");
  const make = async (name: string) => {
    const workspace = createWorkspace(join(base, "spaces", name));
    return { workspace, root: await workspace.path() };
  };

  it.each([
    ["the folder above", ".."],
    ["a file above", "../other.txt"],
    ["a way down and up", "a/../../other.txt"],
    ["a sibling whose name begins the same", "../one-more/x"],
    ["an absolute path", "/etc/passwd"],
    ["a backslash way up", "..\\..\\x\\..\\..\\y/../../../z"],
    ["a NUL byte", "a\0/../../x"],
    ["a NUL byte at the end", "note.txt\0.png"],
  ])("S1 is not left by %s", async (_name, path) => {
    const { workspace } = await make("one");
    const refusal = { name: "ToolError", executed: false };
    await expect(workspace.resolve(path)).rejects.toMatchObject(refusal);
    await expect(workspace.write(path, "x")).rejects.toMatchObject(refusal);
    await expect(workspace.read(path)).rejects.toMatchObject(refusal);
  });

  it.each([
    ["letters that look like dots", "\u2024\u2024/x.txt"],
    ["full-width dots and slashes", "\uFF0E\uFF0E\uFF0Fx.txt"],
    ["percent signs", "%2e%2e%2fx.txt"],
    ["names of many alphabets", "отчёт/报告-é.txt"],
    ["three dots", ".../x.txt"],
    ["a name that begins with dots", "..x/y.txt"],
  ])("S1 takes %s for what they are: names", async (_name, path) => {
    const { workspace, root } = await make("names");
    const written = await workspace.write(path, "x");
    expect(written.startsWith(root)).toBe(true);
    expect(Buffer.from(await workspace.read(path)).toString()).toBe("x");
  });

  it("S1 is not left through a link, neither to read nor to write", async () => {
    const { workspace, root } = await make("links");
    await createWorkspace(outside).write("secret.txt", "theirs");
    await symlink(outside, join(root, "door"));
    await symlink(join(outside, "secret.txt"), join(root, "file"));
    await symlink(join(outside, "not-yet.txt"), join(root, "dangling"));
    await symlink("loop", join(root, "loop"));
    for (const path of ["door/secret.txt", "door/new.txt", "door", "file", "dangling", "loop"]) {
      await expect(workspace.read(path)).rejects.toMatchObject({ name: "ToolError" });
      await expect(workspace.write(path, "mine")).rejects.toMatchObject({ name: "ToolError" });
    }
    expect(await readdir(outside)).toEqual(["secret.txt"]);
  });

  it("S1 of a session whose id is a path lies inside the data directory", async () => {
    const write = toolOf({
      name: "write",
      effect: "read",
      execute: (_, { workspace }) => workspace.write("x.txt", "x"),
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: JSON.stringify(toolResults) } : { toolCalls: [{ name: "write" }] },
    );
    const agent = agentOf({ model, tools: [write] });
    const test = await createTestRuntime({ agents: [agent], dataDir: join(base, "keyed") });
    const session = await test.runtime.createSession(agent, { key: "../../../etc", tenant: "../x" });
    await (await session.send("go")).outcome();
    expect(await readdir(join(base, "keyed", "workspaces"))).toHaveLength(1);
  });
});

describe("a session whose journal is damaged", () => {
  it("S1 S2 does not disturb the others, and whoever waits for it is told", async () => {
    const model = recordingModel(({ lastUserText }) => ({ text: lastUserText }));
    const agent = agentOf({ model });
    const { keepingLogger } = await import("../testing/scenario.fixture.ts");
    const logger = keepingLogger();
    const test = await createTestRuntime({ agents: [agent], logger });
    const [good, bad] = [await test.runtime.createSession(agent), await test.runtime.createSession(agent)];
    const load = test.store.load.bind(test.store);
    test.store.load = async (id) => {
      const loaded = await load(id);
      if (id !== bad.id || loaded === undefined) return loaded;
      const tail = loaded.tail.map((event) => ({ ...event, header: event.header.replace("clerk", "clerc") }));
      return { ...loaded, tail };
    };
    const broken = await bad.send("hello?");
    // Early, late, and from a handle made later.
    const waiting = broken.outcome();
    waiting.catch(() => undefined);
    await test.advanceTime(500);
    await expect(waiting).rejects.toMatchObject({ code: "STORE_DAMAGED", name: "HoldfastError" });
    await expect(broken.outcome()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await expect((await test.runtime.getRun(broken.id)).output()).rejects.toMatchObject({
      code: "STORE_DAMAGED",
    });
    await expect(bad.snapshot()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    expect(await within(test, (await good.send("fine")).outcome(), 1_000)).toMatchObject({ text: "fine" });
    expect(logger.lines.filter((line) => line.message.includes(bad.id)).length).toBeGreaterThan(0);
    const before = logger.lines.length;
    await test.advanceTime(20_000);
    expect(logger.lines.length - before).toBeLessThan(3);

    // Mended, it goes on by itself.
    test.store.load = load;
    await test.advanceTime(35_000);
    expect(await within(test, broken.outcome(), 1_000)).toMatchObject({ text: "hello?" });
  });
});
