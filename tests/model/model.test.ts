import { describe, expect, test } from "vitest";
import { plant } from "../mutants/mutant.ts";
import { allMutants, readSources } from "../mutants/read-sources.ts";
import { PLANTED } from "./planted.ts";
import { judgePlanted } from "./plant.ts";
import { playSequences } from "./sequences.ts";

describe("a session and its reference", () => {
  test("E4 E5 S4 J6 agree on random sequences of everything that can happen to it", async () => {
    const { disagreement, steps } = await playSequences({ seed: 1, steps: 3_000, where: "memory" });
    expect(disagreement).toBeNull();
    expect(steps).toBeGreaterThanOrEqual(3_000);
  });

  test("E4 E5 S4 J6 agree on a real disk too", async () => {
    const { disagreement } = await playSequences({ seed: 2, steps: 100, where: "disk" });
    expect(disagreement).toBeNull();
  });
});

describe("a guard that is taken out is noticed", () => {
  const sources = readSources();
  const guards = allMutants(sources).guards.filter(({ id }) => PLANTED.includes(id));

  test("each on the list is a guard", () => {
    expect(guards.map(({ id }) => id).toSorted()).toEqual(PLANTED.toSorted());
  });

  test.each([
    "core/approval.ts: only those who may decide do",
    "core/reduce-run.ts: who interrupts is next",
    "runtime/session.ts: the runs that wait are cancelled too",
    "core/reduce-tool-call.ts: a signal is taken once",
  ])("%s", async (id) => {
    const found = guards.filter((guard) => guard.id === id);
    const verdict = await judgePlanted(plant(sources, found), { steps: 10_000, seed: 1, limitS: 90 });
    expect(verdict).toMatchObject({ result: "found" });
  });
});
