/** The analyst of the documents: it runs Python where there is a sandbox, and is refused where there is none. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createRuntime } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { defineAnalyst } from "./tools-code.ts";

const CODE = "total = sum(range(1_000))\nopen('total.txt', 'w').write(str(total))\nprint(total)";

test("docs/tools-code.md: code runs in the session's folder, or is refused by name", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-analyst-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const analyst = defineAnalyst(
    scriptedModel(({ toolResults }) => {
      const [result] = toolResults;
      return result === undefined
        ? { toolCalls: [{ name: "run_python", input: { code: CODE } }] }
        : { text: JSON.stringify(result.output) };
    }),
  );
  await using runtime = await createRuntime({ agents: [analyst], dataDir });
  const session = await runtime.createSession(analyst);
  const outcome = await (await session.send("What is 0 + 1 + … + 999?")).outcome();
  const text = outcome.status === "completed" ? outcome.text : "";
  if (text.includes("SANDBOX_UNAVAILABLE")) return;
  expect(text).toContain("499500");
  const [folder = ""] = await readdir(join(dataDir, "workspaces"));
  expect(await readFile(join(dataDir, "workspaces", folder, "total.txt"), "utf8")).toBe("499500");
});
