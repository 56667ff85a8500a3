import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { UNDOING, UserFolder } from "./cli-process.fixture.ts";

it("E10 a run that fails says what was undone, asks about what nobody knows, and lists what still stands", async () => {
  const folder = new UserFolder();
  try {
    folder.write("agent.ts", UNDOING);
    const run = await folder.run("run", "agent.ts", "go");
    expect(run).toMatchObject({ code: 5, stderr: expect.stringContaining("holdfast calls resolve") });
    expect(run.stderr).toContain("undo of pay");
    const id = await folder.newestSession();
    const [undo = ""] = /undo_call_\d+_\d+/.exec(run.stderr) ?? [];
    const waiting = await folder.run("sessions", "show", id);
    expect(waiting.stdout).toContain("what it did is being undone");
    expect(waiting.stdout).toMatch(new RegExp(`${undo} +undo of pay, unknown`));

    await folder.run("calls", "resolve", id, undo, "--failed", "The bank says no.");
    const gone = await folder.run("run", "agent.ts", "--session", id);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(/undone: book \(call_\d+_0\)/);
    expect(gone.stderr).toMatch(/not undone: pay \(call_\d+_1\), undoing it failed/);
    expect(gone.stderr).toMatch(/not undone: tell \(call_\d+_2\), its tool declares no undo/);
    expect(readFileSync(join(folder.path, "effects.log"), "utf8")).toBe("book\npay\nun-pay\nun-book\n");

    const shown = await folder.run("sessions", "show", id);
    expect(shown.stdout).toMatch(/failed .*\n +undone: book/);
    const events = (await folder.run("sessions", "events", id)).stdout;
    expect(events).toMatch(/run.undoing +.*MODEL_REQUEST_REJECTED/);
    expect(events).toMatch(/undo.requested +book \(call_\d+_0\)/);
    expect(events).toMatch(/run.failed +MODEL_REQUEST_REJECTED; 1 undone, 2 not/);
    const { runs } = JSON.parse((await folder.run("sessions", "show", id, "--json")).stdout) as {
      readonly runs: readonly { readonly undone: readonly { readonly tool: string }[] }[];
    };
    expect(runs[0]?.undone).toMatchObject([{ tool: "book" }]);
  } finally {
    folder.remove();
  }
});
