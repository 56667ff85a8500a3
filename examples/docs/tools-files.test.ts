/** The writing agents of the documents, with real files. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, type AgentDefinition, type JsonObject } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { defineCarefulWriter, defineLibrarian, defineWriter } from "./tools-files.ts";

type Step = readonly [name: string, input: JsonObject];

/** Makes these calls, one a turn, and answers with what they gave. */
const steps = (...all: readonly Step[]) =>
  scriptedModel(({ messages }) => {
    const results = messages.flatMap((message) => (message.role === "tool" ? message.results : []));
    const next = all[results.length];
    return next === undefined
      ? { text: JSON.stringify(results.map(({ output }) => output.value)) }
      : { toolCalls: [{ name: next[0], input: next[1] }] };
  });

const runOf = async (agent: AgentDefinition) => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const runtime = await createRuntime({ agents: [agent], dataDir });
  onTestFinished(() => runtime.close());
  const session = await runtime.createSession(agent);
  const outcome = await (await session.send("go")).outcome();
  const workspaces = join(dataDir, "workspaces");
  const [own = ""] = await readdir(workspaces).catch(() => []);
  return { outcome, folder: join(workspaces, own) };
};

describe("docs/tools-files.md", () => {
  test("an agent writes, finds, reads and corrects its notes", async () => {
    const { outcome, folder } = await runOf(
      defineWriter(
        steps(
          ["write_file", { path: "notes/paris.md", content: "# Paris\nPopulation: 3 million\n" }],
          ["search_files", { query: "population", ignoreCase: true }],
          ["edit_file", { path: "notes/paris.md", old: "3 million", new: "2.1 million" }],
          ["read_file", { path: "notes/paris.md", startLine: 2 }],
          ["list_files", { recursive: true }],
          ["read_file", { path: "../../../etc/passwd" }],
        ),
      ),
    );
    const { text } = outcome as { readonly text: string };
    expect(JSON.parse(text)).toEqual([
      "Wrote 30 bytes to notes/paris.md.",
      "notes/paris.md:2: Population: 3 million",
      "Replaced 1 place in notes/paris.md.",
      "Population: 2.1 million",
      "notes/\nnotes/paris.md  32",
      expect.stringContaining("is not inside the workspace"),
    ]);
    expect(await readFile(join(folder, "notes/paris.md"), "utf8")).toBe("# Paris\nPopulation: 2.1 million\n");
  });

  test("what is published is approved first, and a librarian has no tool to write with", async () => {
    const publish = steps(["write_file", { path: "published/a.md", content: "x" }]);
    expect((await runOf(defineCarefulWriter(publish))).outcome).toMatchObject({ status: "suspended" });
    const write = steps(["write_file", { path: "a.md", content: "x" }], ["list_files", {}]);
    expect((await runOf(defineLibrarian(write))).outcome).toMatchObject({
      text: expect.stringMatching(/TOOL_UNKNOWN.+\[Nothing\.\]/),
    });
  });
});
