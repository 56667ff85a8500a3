import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDesk, type FindingBody } from "./desk.ts";
import { openEffectLog, readLog } from "./effect-log.ts";
import { createFaults } from "./faults.ts";

const body: FindingBody = { reference: "r", session: "s", title: "t", severity: "low" };

describe("the findings desk", () => {
  it("files twice what is asked twice, and knows it after a restart and a cut line", async () => {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-desk-"));
    const file = join(directory, "effects.jsonl");
    const first = openEffectLog(file);
    createDesk(first).file(body);
    expect(createDesk(first).file(body)).toMatchObject({ number: 2 });
    first.close();
    await appendFile(file, '{"event":"fil');
    const second = openEffectLog(file);
    expect(
      createDesk(second)
        .find("r")
        .map(({ number }) => number),
    ).toEqual([1, 2]);
    expect(createDesk(second).file({ ...body, reference: "other" })).toMatchObject({ number: 3 });
    second.close();
    expect(readLog(file)).toHaveLength(3);
    await rm(directory, { recursive: true });
  });

  it("deals out the same faults for the same seed, every kind before any comes again", () => {
    const deal = (seed: string): readonly string[] => Array.from({ length: 30 }, createFaults(seed, "write"));
    expect(deal("a")).toEqual(deal("a"));
    expect(deal("a")).not.toEqual(deal("b"));
    const faults = deal("a").filter((fault) => fault !== "none");
    expect(faults).toHaveLength(10);
    expect(new Set(faults.slice(0, 5)).size).toBe(5);
  });
});
