import { execFileSync } from "node:child_process";
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isHoldfastError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Tool, ToolContext } from "../../ports/tool.ts";
import { createTestRuntime } from "../../testing/index.ts";
import { agentOf, recordingModel, toolOf } from "../../testing/scenario.fixture.ts";
import { fileTools } from "./file-tools.ts";
import type { FileToolsOptions } from "./files-settings.ts";
import { fitsGlob } from "./glob.ts";

/** A session's real context, as a tool is given it, and the file tools to be used with it. */
const make = async (options: FileToolsOptions = {}) => {
  const base = await mkdtemp(join(tmpdir(), "holdfast-files-"));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const given = Promise.withResolvers<ToolContext>();
  const capture = toolOf({
    name: "capture",
    effect: "read",
    execute: (_, context) => {
      given.resolve(context as ToolContext);
      return "";
    },
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "capture" }] },
  );
  const agent = agentOf({ model, tools: [capture] });
  const test = await createTestRuntime({ agents: [agent], dataDir: join(base, "data") });
  onTestFinished(() => test.close());
  const session = await test.runtime.createSession(agent);
  await (await session.send("go")).outcome();
  const context = { ...(await given.promise), signal: new AbortController().signal };
  const root = await context.workspace.path();
  const outside = join(base, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "secret.txt"), "THEIRS");
  const tools = new Map<string, Tool>(fileTools(options).map((tool) => [tool.name, tool]));
  let calls = 0;
  const call = async (name: string, input: JsonObject, more: Partial<ToolContext> = {}): Promise<string> => {
    calls += 1;
    const result = await tools
      .get(name)
      ?.execute(input, { ...context, idempotencyKey: `key-${calls}`, ...more });
    return String(result);
  };
  const failureOf = async (...given: Parameters<typeof call>): Promise<string> => {
    const thrown: unknown = await call(...given).then(
      (result) => result,
      (error: unknown) => error,
    );
    if (!isHoldfastError(thrown)) throw new Error(`No failure: ${String(thrown)}`);
    if (!("executed" in thrown) || thrown.executed !== false) throw thrown;
    expect(thrown.failure.retryable).toBe(false);
    return thrown.message;
  };
  return { root, outside, context, call, failureOf, tools };
};

describe("files", () => {
  it("are written, listed, read, edited and searched", async () => {
    const { call } = await make();
    expect(await call("write_file", { path: "notes/a.md", content: "# A\none\ntwo\n" })).toBe(
      "Wrote 12 bytes to notes/a.md.",
    );
    await call("write_file", { path: "b.txt", content: "" });
    expect(await call("list_files", {})).toBe("b.txt  0\nnotes/");
    expect(await call("list_files", { recursive: true })).toBe("b.txt  0\nnotes/\nnotes/a.md  12");
    expect(await call("list_files", { path: "notes" })).toBe("notes/a.md  12");
    expect(await call("list_files", { recursive: true, glob: "*.md" })).toBe("notes/a.md  12");
    expect(await call("read_file", { path: "notes/a.md" })).toBe("# A\none\ntwo");
    expect(await call("read_file", { path: "b.txt" })).toBe("[The file is empty.]");
    expect(await call("edit_file", { path: "notes/a.md", old: "one", new: "ONE" })).toBe(
      "Replaced 1 place in notes/a.md.",
    );
    expect(await call("search_files", { query: "one", ignoreCase: true })).toBe("notes/a.md:2: ONE");
    expect(await call("search_files", { query: "^t.o$", regex: true })).toBe("notes/a.md:3: two");
    expect(await call("search_files", { query: "two", glob: "*.txt" })).toBe("[Nothing found.]");
    expect(await call("list_files", { path: "./notes/../notes/" })).toContain("notes/a.md");
  });

  it("declare honestly what calling them does", async () => {
    const effects = fileTools().map(({ name, policy }) => [name, policy.effect]);
    expect(effects).toEqual([
      ["list_files", "read"],
      ["read_file", "read"],
      ["search_files", "read"],
      ["write_file", "idempotent"],
      ["edit_file", "idempotent"],
    ]);
    expect(fileTools({ readOnly: true }).every(({ policy }) => policy.effect === "read")).toBe(true);
    expect(() => fileTools({ readonly: true } as object)).toThrow(/Did you|there is no option/);
    expect(() => fileTools({ maxEntries: 0 })).toThrow(/maxEntries/);
  });

  it("are read by lines and by bytes, and say where they were cut", async () => {
    const { call } = await make({ maxChars: 30 });
    await call("write_file", {
      path: "a",
      content: Array.from({ length: 20 }, (_, n) => `line ${n + 1}`).join("\n"),
    });
    expect(await call("read_file", { path: "a" })).toBe(
      "line 1\nline 2\nline 3\nline 4\n[Lines 1 to 4 of 20. Read on with startLine 5.]",
    );
    expect(await call("read_file", { path: "a", startLine: 20 })).toBe("line 20");
    expect(await call("read_file", { path: "a", startLine: 3, lines: 1 })).toBe(
      "line 3\n[Lines 3 to 3 of 20. Read on with startLine 4.]",
    );
    expect(await call("read_file", { path: "a", startByte: 5, bytes: 4 })).toBe(
      "1\nli\n[Bytes 5 to 9 of 150. Read on with startByte 9.]",
    );
    expect(await call("read_file", { path: "a", startByte: 149 })).toBe("0");
    await call("write_file", { path: "b", content: `first\n${"x".repeat(50)}\nlast` });
    expect(await call("read_file", { path: "b", startLine: 2 })).toBe(
      `${"x".repeat(30)}\n[Line 2 is too long to be shown whole: bytes 6 to 36 of 61. Read on with startByte 36.]`,
    );
    expect(await call("read_file", { path: "b", startByte: 36 })).toBe(`${"x".repeat(20)}\nlast`);
  });

  it("say how much there is of them where nothing is left to be read", async () => {
    const { call, failureOf } = await make();
    await call("write_file", { path: "a", content: "one\ntwo\n" });
    expect(await failureOf("read_file", { path: "a", startLine: 3 })).toBe(
      '"a" has 2 lines: there are none from line 3 on.',
    );
    for (const startByte of [8, 999])
      expect(await failureOf("read_file", { path: "a", startByte })).toBe(
        `"a" has 8 bytes: there are none from byte ${startByte} on.`,
      );
    await call("write_file", { path: "empty", content: "" });
    expect(await call("read_file", { path: "empty", startByte: 0 })).toBe("[The file is empty.]");
    expect(await failureOf("read_file", { path: "empty", startLine: 2 })).toMatch(/has 0 lines/);
    expect(await failureOf("read_file", { path: "empty", startByte: 1 })).toMatch(/has 0 bytes/);
    await call("write_file", { path: "break", content: "\n" });
    expect(await call("read_file", { path: "break" })).toBe("");
  });

  it.each([1, 2, 3, 4, 5, 6, 7])("are never cut within a character, in parts of %i", async (maxChars) => {
    const { call } = await make({ maxChars });
    const whole = "a😀b😀😀éé日本😀c";
    await call("write_file", { path: "a", content: whole });
    const parts: string[] = [];
    let next: number | undefined = 0;
    while (next !== undefined) {
      // The first part is of a line that is too long; the others are read as the notes say.
      const answer = await call("read_file", next === 0 ? { path: "a" } : { path: "a", startByte: next });
      const [part = "", note] = answer.split("\n");
      parts.push(part);
      next = note === undefined ? undefined : Number(/startByte (\d+)/.exec(note)?.[1]);
    }
    expect(parts.join("")).toBe(whole);
    expect(parts.length).toBeGreaterThan(2);
  });

  it("that are no UTF-8 are read to their end all the same", async () => {
    const { call, root } = await make();
    await writeFile(join(root, "a"), Buffer.alloc(10, 0x80));
    expect(await call("read_file", { path: "a", bytes: 1 })).toBe(
      `${"\ufffd".repeat(4)}\n[Bytes 0 to 4 of 10. Read on with startByte 4.]`,
    );
  });

  it("that are no text are told as such, and not edited", async () => {
    const { call, failureOf, root } = await make();
    await writeFile(join(root, "image"), Buffer.from([137, 80, 0, 71]));
    await writeFile(join(root, "latin"), Buffer.from("caf\u00e9", "latin1"));
    expect(await call("read_file", { path: "image" })).toBe(
      "[This is no text but a binary file of 4 bytes. What was asked for begins with 89500047.]",
    );
    expect(await call("read_file", { path: "latin" })).toBe("caf\ufffd");
    expect(await call("search_files", { query: "P" })).toMatch(/1 files were not searched/);
    for (const path of ["image", "latin"])
      expect(await failureOf("edit_file", { path, old: "a", new: "b" })).toMatch(/not a text in UTF-8/);
  });

  it("keep their mode and byte order mark through an edit", async () => {
    const { call, root } = await make();
    await writeFile(join(root, "run.sh"), "\ufeffecho 1\r\n", { mode: 0o750 });
    await call("edit_file", { path: "run.sh", old: "1", new: "2" });
    expect(await readFile(join(root, "run.sh"), "utf8")).toBe("\ufeffecho 2\r\n");
    expect((await stat(join(root, "run.sh"))).mode & 0o777).toBe(0o750);
  });
});

describe("a search", () => {
  it("goes through the one file that its path names", async () => {
    const { call, failureOf, root, outside } = await make();
    for (const path of ["notes/a.md", "notes/b.md", "a.md"])
      await call("write_file", { path, content: "hit" });
    expect(await call("search_files", { query: "hit", path: "notes/a.md" })).toBe("notes/a.md:1: hit");
    expect(await call("search_files", { query: "hit", path: "./a.md", glob: "*.md" })).toBe("a.md:1: hit");
    expect(await call("search_files", { query: "hit", path: "a.md", glob: "*.txt" })).toBe(
      "[Nothing found.]",
    );
    expect(await call("search_files", { query: "hit", path: "notes" })).toBe(
      "notes/a.md:1: hit\nnotes/b.md:1: hit",
    );
    expect(await failureOf("search_files", { query: "hit", path: "a.md/x" })).toMatch(/no folder/);
    expect(await failureOf("search_files", { query: "hit", path: "none.md" })).toMatch(/no such file/);
    await symlink(join(outside, "secret.txt"), join(root, "link"));
    expect(await failureOf("search_files", { query: "T", path: "link" })).not.toContain("THEIRS");
  });

  it("goes through files that would be too much for the memory of its thread by itself", async () => {
    const { call, root } = await make({ maxFileBytes: 80_000_000 });
    await writeFile(join(root, "a"), `日${"x".repeat(996)}\n`.repeat(75_000));
    expect(await call("search_files", { query: "nowhere" })).toBe("[Nothing found.]");
  });

  it.each([false, true])("says where a file has more lines than are shown (regex: %s)", async (regex) => {
    const { call } = await make();
    await call("write_file", { path: "many", content: "hit\n".repeat(51) });
    await call("write_file", { path: "next", content: "hit\n".repeat(50) });
    const lines = (await call("search_files", { query: "hit", regex })).split("\n");
    expect(lines).toHaveLength(101);
    expect(lines.slice(49, 52)).toEqual([
      "many:50: hit",
      "[More in many: only the first 50 lines are shown.]",
      "next:1: hit",
    ]);
    expect(lines.at(-1)).toBe("next:50: hit");
  });

  it.each([
    ["near the beginning", `ab${"x".repeat(998)}`, `ab${"x".repeat(298)}…`],
    [
      "in the middle",
      `${"x".repeat(1_000)}ab${"y".repeat(1_000)}`,
      `…${"x".repeat(100)}ab${"y".repeat(198)}…`,
    ],
    ["at the end", `${"x".repeat(1_000)}ab`, `…${"x".repeat(298)}ab`],
    ["among pairs", `${"😀".repeat(500)}ab${"😀".repeat(500)}`, `…${"😀".repeat(50)}ab${"😀".repeat(99)}…`],
    ["among pairs, with one halved", `x${"😀".repeat(500)}!ab`, `…${"😀".repeat(148)}!ab`],
  ])("shows of a long line what stands around a match %s", async (_where, line, shown) => {
    const { call } = await make();
    await call("write_file", { path: "a", content: `first\n${line}\nend` });
    expect(await call("search_files", { query: "ab" })).toBe(`a:2: ${shown}`);
    expect(await call("search_files", { query: "a.", regex: true })).toBe(`a:2: ${shown}`);
  });

  it("shows a match that is longer than what is shown of a line from its beginning", async () => {
    const { call } = await make();
    await call("write_file", { path: "a", content: `${"x".repeat(1_000)}${"ab".repeat(400)}` });
    expect(await call("search_files", { query: "(ab){125,}", regex: true })).toBe(
      `a:1: …${"ab".repeat(150)}…`,
    );
    expect(await call("search_files", { query: "ab".repeat(125) })).toMatch(/ …x{50}(?:ab){125}…$/);
  });

  it("for plain text takes every character of it as it is", async () => {
    const { call } = await make();
    const query = String.raw`a.b*c\d[e](f)|g^$ {1}-/#,é`;
    await call("write_file", { path: "a", content: `${query}!\naXbbc\n${query.toUpperCase()}` });
    expect(await call("search_files", { query })).toBe(`a:1: ${query}!`);
    expect(await call("search_files", { query, ignoreCase: true })).toBe(
      `a:1: ${query}!\na:3: ${query.toUpperCase()}`,
    );
  });

  it("E6 for plain text does not hold the loop, however much there is to go through", async () => {
    const { call, root } = await make();
    for (const name of ["a", "b", "c"]) await writeFile(join(root, name), "Short line\n".repeat(450_000));
    const before = process.threadCpuUsage();
    expect(await call("search_files", { query: "nowhere", ignoreCase: true })).toBe("[Nothing found.]");
    const { user } = process.threadCpuUsage(before);
    expect(user / 1_000).toBeLessThan(250);
  });
});

describe("an edit", () => {
  it("has to fit once, unless it is meant for all", async () => {
    const { call, failureOf, root } = await make();
    await writeFile(join(root, "a"), "aaa $& b");
    expect(await failureOf("edit_file", { path: "a", old: "c", new: "d" })).toMatch(/is not in/);
    expect(await failureOf("edit_file", { path: "a", old: "a", new: "d" })).toMatch(/is 3 times in/);
    expect(await failureOf("edit_file", { path: "a", old: "a", new: "a" })).toMatch(/are the same/);
    expect(await call("edit_file", { path: "a", old: "a", new: "$&", all: true })).toBe(
      "Replaced 3 places in a.",
    );
    expect(await readFile(join(root, "a"), "utf8")).toBe("$&$&$& $& b");
  });

  it("E2 is made once by all attempts of a call, also where the new text holds the old", async () => {
    const { call, root } = await make();
    await writeFile(join(root, "a"), "x");
    const key = { idempotencyKey: "one" };
    for (let attempt = 0; attempt < 3; attempt += 1)
      expect(await call("edit_file", { path: "a", old: "x", new: "xx", all: true }, key)).toBe(
        "Replaced 1 place in a.",
      );
    expect(await readFile(join(root, "a"), "utf8")).toBe("xx");
    // Another call is another edit.
    await call("edit_file", { path: "a", old: "xx", new: "y" });
    expect(await call("edit_file", { path: "a", old: "x", new: "xx", all: true }, key)).toBe(
      "Replaced 1 place in a.",
    );
    expect(await readFile(join(root, "a"), "utf8")).toBe("y");
  });

  it("E2 that was noted and not made is made by the next attempt", async () => {
    const { call, root } = await make();
    await writeFile(join(root, "a"), "x");
    const key = { idempotencyKey: "one" };
    await call("edit_file", { path: "a", old: "x", new: "xx" }, key);
    await writeFile(join(root, "a"), "x");
    await call("edit_file", { path: "a", old: "x", new: "xx" }, key);
    expect(await readFile(join(root, "a"), "utf8")).toBe("xx");
  });

  it("E2 of which nobody can tell is not made again", async () => {
    const { call, root } = await make();
    await writeFile(join(root, "a"), "x");
    const key = { idempotencyKey: "one" };
    await call("edit_file", { path: "a", old: "x", new: "xx" }, key);
    await writeFile(join(root, "a"), "changed by others: x");
    await expect(call("edit_file", { path: "a", old: "x", new: "xx" }, key)).rejects.toMatchObject({
      failure: { retryable: false, message: expect.stringContaining("was interrupted") },
    });
  });

  it("of a file does not lose another that is made at the same time", async () => {
    const { call, root } = await make();
    await writeFile(join(root, "a"), Array.from({ length: 30 }, (_, n) => `<${n}>`).join(""));
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => call("edit_file", { path: "a", old: `<${n}>`, new: `[${n}]` })),
    );
    expect(await readFile(join(root, "a"), "utf8")).toBe(
      Array.from({ length: 30 }, (_, n) => `[${n}]`).join(""),
    );
  });

  it("leaves no more than a few notes behind, and none of them in sight", async () => {
    const { call, failureOf, root } = await make();
    await writeFile(join(root, "a"), "0");
    for (let n = 0; n < 80; n += 1)
      await call("edit_file", { path: "a", old: String(n), new: String(n + 1) });
    expect((await readdir(join(root, ".holdfast/edits"))).length).toBeLessThanOrEqual(64);
    expect((await readdir(join(root, ".holdfast"))).length).toBe(1);
    expect(await call("list_files", { recursive: true })).toBe("a  2");
    expect(await call("search_files", { query: "before" })).toBe("[Nothing found.]");
    for (const path of [".holdfast", ".holdfast/edits/x", "./a/../.holdfast/x"])
      expect(await failureOf("write_file", { path, content: "" })).toMatch(/own notes/);
  });
});

const ESCAPES: readonly (readonly [what: string, path: string])[] = [
  ["the folder above", ".."],
  ["a file above", "../outside/secret.txt"],
  ["a way down and up", "a/../../outside/secret.txt"],
  ["many ways up", "../".repeat(40) + "etc/passwd"],
  ["an absolute path", "/etc/passwd"],
  ["the root", "/"],
  ["a NUL byte", "a\0b"],
  ["a NUL byte at the end", "a.txt\0.png"],
  ["backslashes", "..\\outside\\secret.txt"],
  ["a drive", "C:\\Windows"],
  ["a name too long", "x".repeat(256)],
  ["a path too long", "x/".repeat(2_500)],
];

describe("a path", () => {
  it.each(ESCAPES)("S1 that is %s is refused by every tool", async (_what, path) => {
    const { failureOf, outside } = await make();
    await failureOf("read_file", { path });
    await failureOf("list_files", { path });
    await failureOf("search_files", { path, query: "THEIRS" });
    await failureOf("write_file", { path, content: "x" });
    await failureOf("edit_file", { path, old: "THEIRS", new: "OURS" });
    expect(await readdir(outside)).toEqual(["secret.txt"]);
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("THEIRS");
  });

  it.each([
    "..%2foutside",
    "%2e%2e/x",
    "\u2024\u2024/x",
    "\uff0e\uff0e\uff0fx",
    "...",
    "..x",
    "-rf",
    "a b",
    "\u202etxt.exe",
  ])("S1 is what it is, and decoded by nobody: %s", async (path) => {
    const { call, root } = await make();
    await call("write_file", { path, content: "mine" });
    expect(await call("read_file", { path })).toBe("mine");
    expect((await readdir(root)).filter((name) => name !== ".holdfast")).toHaveLength(1);
  });

  it("S1 through a link leads nowhere outside, whoever planted it", async () => {
    const { call, failureOf, root, outside } = await make();
    await symlink(outside, join(root, "door"));
    await symlink(join(outside, "secret.txt"), join(root, "file"));
    await symlink(join(outside, "new.txt"), join(root, "dangling"));
    await symlink("loop", join(root, "loop"));
    await symlink("/proc/self/root", join(root, "proc"));
    for (const path of [
      "door",
      "door/secret.txt",
      "door/new",
      "file",
      "dangling",
      "loop",
      "proc/etc/passwd",
    ]) {
      await failureOf("read_file", { path });
      await failureOf("write_file", { path, content: "x" });
      await failureOf("edit_file", { path, old: "THEIRS", new: "x" });
      await failureOf("list_files", { path });
    }
    expect(await call("list_files", { recursive: true })).toBe(
      ["dangling", "door", "file", "loop", "proc"]
        .map((name) => `${name}  [a link, not followed]`)
        .join("\n"),
    );
    expect(await call("search_files", { query: "THEIRS" })).toBe("[Nothing found.]");
    expect(await readdir(outside)).toEqual(["secret.txt"]);
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("THEIRS");
  });

  it("S1 whose own folder of notes was made a link is refused", async () => {
    const { failureOf, root, outside } = await make();
    await symlink(outside, join(root, ".holdfast"));
    await writeFile(join(root, "a"), "x");
    await failureOf("write_file", { path: "b", content: "x" });
    await failureOf("edit_file", { path: "a", old: "x", new: "y" });
    expect(await readdir(outside)).toEqual(["secret.txt"]);
  });

  it("S1 is not swapped under a call for a link to somewhere else, thousands of times", async () => {
    const { call, root, outside } = await make();
    const folder = join(root, "a");
    let isOver = false;
    let swaps = 0;
    const swapping = (async () => {
      for (; !isOver; swaps += 1) {
        await rm(folder, { recursive: true, force: true }).catch(() => {});
        await symlink(outside, folder).catch(() => {});
        await rm(folder, { recursive: true, force: true }).catch(() => {});
        await mkdir(folder).catch(() => {});
        await writeFile(join(folder, "secret.txt"), "ours").catch(() => {});
      }
    })();
    const seen: string[] = [];
    const path = "a/secret.txt";
    for (let round = 0; round < 500; round += 1) {
      const answers = await Promise.allSettled([
        call("read_file", { path }),
        call("search_files", { query: "THEIRS" }),
        call("list_files", { path: "a" }),
        call("edit_file", { path, old: "THEIRS", new: "TAKEN" }),
        call("write_file", { path, content: "ours" }),
      ]);
      for (const answer of answers) if (answer.status === "fulfilled") seen.push(answer.value);
    }
    isOver = true;
    await swapping;
    expect(swaps).toBeGreaterThan(500);
    expect(seen.filter((text) => text.includes("THEIRS") || text.includes("Replaced"))).toEqual([]);
    expect(await readdir(outside)).toEqual(["secret.txt"]);
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("THEIRS");
  });
});

describe("what is no plain file", () => {
  it("S2 is not waited for", async () => {
    const { call, failureOf, root } = await make();
    execFileSync("mkfifo", [join(root, "pipe")]);
    await mkdir(join(root, "folder"));
    expect(await call("list_files", {})).toBe("folder/\npipe  [no plain file]");
    expect(await call("search_files", { query: "x" })).toBe("[Nothing found.]");
    for (const path of ["pipe", "folder", "."]) {
      await failureOf("read_file", { path });
      await failureOf("write_file", { path, content: "x" });
      await failureOf("edit_file", { path, old: "x", new: "y" });
    }
    expect(await failureOf("read_file", { path: "folder/none" })).toBe(
      'There is no such file or folder: "folder/none".',
    );
    expect(await failureOf("list_files", { path: "none" })).toMatch(/There is no such file or folder/);
    expect(await failureOf("read_file", { path: "pipe/x" })).not.toContain(root);
  });
});

describe("limits", () => {
  it("hold for one file, for all, and for their number", async () => {
    const { call, failureOf, root } = await make({
      maxFileBytes: 100,
      maxWorkspaceBytes: 250,
      maxEntries: 5,
    });
    expect(await failureOf("write_file", { path: "a", content: "x".repeat(101) })).toMatch(
      /may have 100 bytes here; this one would have 101/,
    );
    await call("write_file", { path: "a", content: "x".repeat(100) });
    await call("write_file", { path: "a", content: "y".repeat(100) });
    await call("write_file", { path: "b", content: "é".repeat(50) });
    expect(await failureOf("write_file", { path: "c", content: "x".repeat(51) })).toMatch(
      /250 bytes, and would have 251\. Write less/,
    );
    expect(await failureOf("edit_file", { path: "b", old: "é", new: "éé", all: true })).toMatch(
      /may have 100 bytes/,
    );
    await call("write_file", { path: "c", content: "x" });
    await call("write_file", { path: "d", content: "x" });
    expect(await failureOf("write_file", { path: "e/f", content: "x" })).toMatch(
      /may hold 5 files and folders\. Write to a file that is there already/,
    );
    expect((await readdir(root)).toSorted()).toEqual([".holdfast", "a", "b", "c", "d"]);
    await call("write_file", { path: "d", content: "y" });
  });

  it("hold for files that are huge: they are not read, but in parts", async () => {
    const { call, failureOf, root } = await make();
    await writeFile(join(root, "huge"), "begin");
    await truncate(join(root, "huge"), 50_000_000_000);
    expect(await failureOf("read_file", { path: "huge" })).toMatch(/50000000000 bytes; read a part/);
    expect(await call("read_file", { path: "huge", startByte: 0, bytes: 5 })).toMatch(
      /^begin\n\[Bytes 0 to 5 of 50000000000\./,
    );
    expect(await call("search_files", { query: "begin" })).toMatch(/1 files were not searched/);
    expect(await failureOf("edit_file", { path: "huge", old: "begin", new: "end" })).toMatch(/longer than/);
  });

  it("hold for ten thousand files, and for folders without end", async () => {
    const { call, root } = await make({ maxEntries: 3_000 });
    await mkdir(join(root, "many"));
    await Promise.all(
      Array.from({ length: 10_000 }, (_, n) => writeFile(join(root, "many", `${n}.txt`), `file ${n}`)),
    );
    for (const path of ["many", "."]) {
      const listed = await call("list_files", { path, recursive: true });
      expect(listed).toMatch(/\[Cut after (?:[12]\d{3}|3000) entries: there are more\./);
      expect(listed.match(/^many\/\d+\.txt {2}\d+$/gm)?.length).toBeGreaterThan(1_000);
    }
    expect(await call("search_files", { query: "file 1" })).toMatch(/\[Cut after 200 lines/);
    expect(await call("search_files", { query: "nowhere" })).toMatch(/Not all files were searched/);
    await rm(join(root, "many"), { recursive: true });
    await mkdir(join(root, "d/".repeat(300)), { recursive: true });
    expect(await call("list_files", { recursive: true })).toMatch(/\[Cut after 41 entries/);
  });

  it("of depth hold for what is written, and are not taken for a full workspace", async () => {
    const { call, failureOf, root } = await make();
    const deep = (folders: number): string => `${"d/".repeat(folders)}f`;
    expect(await failureOf("write_file", { path: deep(41), content: "x" })).toMatch(
      /is too deep: files are written in at most 40 folders/,
    );
    expect(await readdir(root)).toEqual([]);
    await call("write_file", { path: deep(40), content: "x" });
    await call("write_file", { path: "a", content: "x" });
    expect(await call("search_files", { query: "x" })).toBe(`a:1: x\n${deep(40)}:1: x`);
    // What other tools make may be deeper.
    await mkdir(join(root, "e/".repeat(45)), { recursive: true });
    await writeFile(join(root, "e/".repeat(45), "f"), "theirs");
    const path = `${"e/".repeat(45)}f`;
    expect(await failureOf("write_file", { path: "a", content: "y" })).toMatch(/more than 40 deep/);
    expect(await failureOf("edit_file", { path, old: "theirs", new: "ours" })).toMatch(/more than 40 deep/);
    expect(await call("read_file", { path })).toBe("theirs");
    expect(await call("search_files", { path: "e/".repeat(45), query: "theirs" })).toContain("f:1: theirs");
  });

  it("E6 hold for regular expressions that never end: the call is stopped, and the loop not held", async () => {
    const { call, failureOf } = await make();
    await call("write_file", { path: "a", content: `${"a".repeat(40)}!` });
    const stop = new AbortController();
    const searching = call("search_files", { query: "(a+)+$", regex: true }, { signal: stop.signal });
    // The loop turns: something else is done meanwhile, from beginning to end.
    expect(await call("read_file", { path: "a" })).toContain("a!");
    stop.abort(new DOMException("time is up", "AbortError"));
    await expect(searching).rejects.toThrow();
    expect(await failureOf("search_files", { query: "(", regex: true })).toMatch(
      /Invalid regular expression/,
    );
    expect(await call("search_files", { query: "(a+)+$", regex: false })).toBe("[Nothing found.]");
  });

  it("of a call that was cancelled: it writes nothing", async () => {
    const { call, root } = await make();
    const signal = AbortSignal.abort(new DOMException("enough", "AbortError"));
    await expect(call("write_file", { path: "a", content: "x" }, { signal })).rejects.toThrow("enough");
    expect(await readdir(root)).toEqual([]);
  });

  it("do not keep a hard link from being replaced: what it leads to stays as it was", async () => {
    const { call, root, outside } = await make();
    await link(join(outside, "secret.txt"), join(root, "same"));
    await call("write_file", { path: "same", content: "ours" });
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("THEIRS");
  });
});

describe("a glob", () => {
  it.each([
    ["*.md", "a/b.md", true],
    ["*.md", "a/b.mdx", false],
    ["a/*.md", "a/b.md", true],
    ["a/*.md", "a/b/c.md", false],
    ["a/**/*.md", "a/c.md", true],
    ["a/**/*.md", "a/b/d/c.md", true],
    ["**/c", "a/b/c", true],
    ["**/c", "c", true],
    ["**/c", "abc", false],
    ["a/**", "a/b/c", true],
    ["?.md", "a.md", true],
    ["?.md", "ab.md", false],
    ["a?b/x", "a/b/x", false],
    ["[a].md", "a.md", false],
    ["*", "a/b", true],
    ["", "a", false],
  ])("%s fits %s: %s", (pattern, path, fits) => {
    expect(fitsGlob(path, pattern)).toBe(fits);
  });

  it("made to be slow is not", () => {
    expect(fitsGlob(`${"a".repeat(3_000)}b`, `${"*a".repeat(99)}*`)).toBe(true);
    expect(fitsGlob("a/".repeat(1_500), `${"**/a".repeat(40)}c`)).toBe(false);
  });
});
