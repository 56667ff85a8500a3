import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makePlace } from "./start.fixture.ts";

const reportPathIn = (stdout: string): string => / report\s+(\S+report\.md)/.exec(stdout)?.[1] ?? "";

describe("npm start", () => {
  it("comes to an answer through retries, writes a report, and stops the desk", async () => {
    await using place = await makePlace();
    const { code, stdout, stderr } = await place.start([place.folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("no API key set: using the scripted model");
    expect(stdout).toContain("src/long.ts has 602 lines");
    expect(stdout).toContain("Duplicates: 0. Missing: 0.");

    const [session] = await place.look();
    expect(session?.status).toBe("completed");
    const events = session?.events.filter((event) => event.kind === "event") ?? [];
    expect(events.filter(({ type }) => type === "tool-call.completed").length).toBeGreaterThan(12);
    expect(
      events.filter(({ header }) => header.type === "tool-call.started" && header.attempt > 1).length,
    ).toBeGreaterThan(1);
    expect(events.filter(({ type }) => type === "tool-call.unknown").length).toBeGreaterThan(0);

    const report = await readFile(join(place.cwd, reportPathIn(stdout)), "utf8");
    expect(report).toContain("src/long.ts has 602 lines");
    expect(report).toContain("docs/LICENSE");
    expect(report).not.toContain("node_modules");
    expect(existsSync(join(place.cwd, ".holdfast/findings-desk/desk.json"))).toBe(false);
  });

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
