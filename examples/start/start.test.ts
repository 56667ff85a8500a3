import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { makePlace } from "./start.fixture.ts";

const reportPathIn = (stdout: string): string => / report\s+(\S+report\.md)/.exec(stdout)?.[1] ?? "";

describe("npm start", () => {
  it("comes to an answer, with retries on the way, and writes a report", async () => {
    await using place = await makePlace();
    const { code, stdout, stderr } = await place.start([place.folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("no API key set: using the scripted model");
    expect(stdout).toContain("src/long.ts has 602 lines");
    expect(stdout).toMatch(/Duplicates: 0\. Missing: 0\./);

    const [session] = await place.look();
    const ended = session?.events.find((event) => event.type === "run.completed");
    expect(ended?.header).toMatchObject({ totals: { turns: 7 } });
    const tools = session?.events.filter((event) => event.type === "tool-call.completed") ?? [];
    expect(tools.length).toBeGreaterThan(12);
    const retried = session?.events.filter(
      (event) => event.kind === "event" && event.type === "tool-call.started" && event.header.attempt > 1,
    );
    expect(retried?.length).toBeGreaterThan(1);
  }, 30_000);

  it("writes what the tools found into the report", async () => {
    await using place = await makePlace();
    const { stdout } = await place.start([place.folder]);
    const [session] = await place.look();
    const report = reportPathIn(stdout);
    const text = await readFile(`${place.folder}/../${report}`, "utf8");
    expect(text).toContain("src/long.ts has 602 lines");
    expect(text).toContain("docs/LICENSE");
    expect(text).not.toContain("node_modules");
    expect(session?.status).toBe("completed");
  }, 30_000);

  it("stops the desk when it is done", async () => {
    await using place = await makePlace();
    await place.start([place.folder]);
    expect(existsSync(`${place.folder}/../.holdfast/findings-desk/desk.json`)).toBe(false);
  }, 30_000);

  it("refuses a flag it does not know, a folder that is not there, and two at once", async () => {
    await using place = await makePlace();
    const typo = await place.start(["--resum"]);
    expect(typo).toMatchObject({ code: 2, stdout: "" });
    expect(typo.stderr).toContain("Did you mean --resume?");
    const missing = await place.start(["/no/such/folder"]);
    expect(missing).toMatchObject({ code: 2, stderr: "There is no folder /no/such/folder.\n" });
    expect(await place.start(["a", "b"])).toMatchObject({ code: 2 });
  });

  it("says when there is nothing to resume", async () => {
    await using place = await makePlace();
    const { code, stderr } = await place.start(["--resume"]);
    expect(code).toBe(3);
    expect(stderr).toContain("nothing to resume");
  });
});
