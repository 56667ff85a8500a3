import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { BudgetAccount } from "holdfast";
import { playRuns } from "./play-run.ts";
import { Provider } from "./provider.ts";
import { tallyOf } from "./tally.ts";
import { TENANT_BUDGET } from "./tenant-budget.ts";

const RUNS = 60;

describe("runs with limits in money, by the books of a provider over HTTP", () => {
  it("E8 cost no more than their limit, aborted streams included, and come to their end where that is enough", async () => {
    const played = await playRuns(new Provider(), { from: 1, runs: RUNS, parallel: 8 });
    const tally = tallyOf(played);
    expect(tally.over).toEqual([]);
    expect(tally.otherFailures.length).toBeLessThan(RUNS / 10);
    expect(tally.stopped).toBeGreaterThan(RUNS / 10);
    expect(tally.abortedStreams).toBeGreaterThan(0);
    expect(tally.affordable).toBeGreaterThan(RUNS / 3);
    expect(tally.affordableDone / tally.affordable).toBeGreaterThanOrEqual(0.9);
  }, 120_000);
});

const WORKER = join(import.meta.dirname, "tenant-worker.ts");
const FLAGS = ["--disable-warning=ExperimentalWarning", "--conditions=holdfast-source"];
const run = promisify(execFile);

type Told = { readonly ends: readonly string[]; readonly accounts: readonly BudgetAccount[] };

describe("sessions of one tenant in two processes on one data directory", () => {
  it("E8 spend no more than their tenant may, and nearly all of it", async () => {
    const provider = new Provider();
    const url = await provider.open();
    const dataDir = await mkdtemp(join(tmpdir(), "holdfast-budgets-"));
    const work = async (from: number): Promise<Told> => {
      const { stdout } = await run(process.execPath, [...FLAGS, WORKER, dataDir, url, String(from), "30"]);
      return JSON.parse(stdout);
    };
    const [first, second] = await Promise.all([work(10_001), work(20_001)]);
    await provider.close();
    await rm(dataDir, { recursive: true, force: true });
    const ends = [...first.ends, ...second.ends];
    const limit = TENANT_BUDGET.maxCostUsd ?? 0;
    const { usd } = provider.billed("run");
    expect(usd).toBeLessThanOrEqual(limit);
    expect(usd).toBeGreaterThan(limit * 0.8);
    expect(ends.filter((end) => end === "completed").length).toBeGreaterThan(5);
    expect(ends.filter((end) => end === "BUDGET_EXCEEDED").length).toBeGreaterThan(5);
    // What the last to look saw; the other may have had a call under way.
    const spent = Math.max(...[...first.accounts, ...second.accounts].map((account) => account.spent));
    expect(spent).toBeGreaterThanOrEqual(usd - 1e-6);
    expect(spent).toBeLessThanOrEqual(limit);
  }, 180_000);
});
