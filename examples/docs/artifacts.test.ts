/** The examples of the document: a report that is saved with its call, and found again. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { closeBooks, collect } from "./artifacts.ts";
import { startCalling } from "./harness.ts";

test("what a tool saves is listed with its call, and read by its name", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    const { runtime, run } = await startCalling(closeBooks, {
      dataDir,
      input: { month: "2026-11" },
      deps: { book: async () => ["rent, 900", "tea, 12"] },
    });
    await run.outcome();
    const session = await runtime.getSession(run.sessionId);
    const digest = await collect(session, dataDir);
    expect(said.mock.calls.map(([name]) => name)).toEqual(["report-2026-11.md", "lines.csv"]);
    expect(await readFile(join(dataDir, `${digest}.md`), "utf8")).toBe("# 2026-11\n\nrent, 900\ntea, 12\n");
    await runtime.close();
  } finally {
    said.mockRestore();
    await rm(dataDir, { recursive: true, force: true });
  }
});
