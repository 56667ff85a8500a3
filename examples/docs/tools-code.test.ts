/** The agents of the documents that run code: where there is no sandbox, what needs one is refused. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createRuntime, type AgentDefinition, type ModelChoice } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { defineAnalyst, defineCalculator, defineExplorer } from "./tools-code.ts";

type Call = { readonly tool: string; readonly code: string };

/** Runs an agent whose model makes these calls one after the other: what it is told of each, and the data directory. */
const runWith = async (define: (model: ModelChoice) => AgentDefinition, calls: readonly Call[]) => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-code-docs-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const told: unknown[] = [];
  const agent = define(
    scriptedModel(({ toolResults }) => {
      const last = toolResults.at(-1);
      if (last !== undefined) told.push(last.output);
      const next = calls[told.length];
      return next === undefined
        ? { text: "done" }
        : { toolCalls: [{ name: next.tool, input: { code: next.code } }] };
    }),
  );
  await using runtime = await createRuntime({ agents: [agent], dataDir });
  const session = await runtime.createSession(agent);
  const outcome = await (await session.send("Work it out.")).outcome();
  expect(outcome.status).toBe("completed");
  return { told: told.map((output) => JSON.stringify(output)), dataDir };
};

const CODE = "total = sum(range(1_000))\nopen('total.txt', 'w').write(str(total))\nprint(total)";

test("docs/tools-code.md: code runs in the session's folder, or is refused by name", async () => {
  const { told, dataDir } = await runWith(defineAnalyst, [{ tool: "run_python", code: CODE }]);
  if (told[0]?.includes("SANDBOX_UNAVAILABLE") === true) return;
  expect(told[0]).toContain("499500");
  const [folder = ""] = await readdir(join(dataDir, "workspaces"));
  expect(await readFile(join(dataDir, "workspaces", folder, "total.txt"), "utf8")).toBe("499500");
});

test("docs/tools-code.md: JavaScript computes without a sandbox, and errors are data", async () => {
  const { told } = await runWith(defineCalculator, [
    { tool: "run_javascript", code: "const n = await Promise.resolve(20); console.log('half'); n * 2 + 2" },
    { tool: "run_javascript", code: "let a = 1;\nn + a" },
  ]);
  expect(told[0]).toContain('"result":42');
  expect(told[0]).toContain("half");
  expect(told[1]).toMatch(/ReferenceError.*"line":2/);
});

test("docs/tools-code.md: variables stay, and hosts that are not listed are refused", async () => {
  const { told } = await runWith(defineExplorer, [
    { tool: "run_python", code: "rows = [1, 2, 3]" },
    {
      tool: "run_python",
      code: "import urllib.request\nprint(sum(rows))\ntry: urllib.request.urlopen('http://elsewhere.example/')\nexcept Exception as error: print(error)",
    },
  ]);
  if (told[0]?.includes("SANDBOX_UNAVAILABLE") === true) return;
  expect(told[0]).toContain("new interpreter");
  expect(told[1]).toContain("6\\n");
  expect(told[1]).toContain("elsewhere.example is not among the hosts that may be reached here.");
});
