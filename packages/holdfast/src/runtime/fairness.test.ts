import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { scriptedModel } from "../models/index.ts";
import { agentOf } from "../testing/scenario.fixture.ts";
import { createRuntime, createSystemClock, type RuntimeOptions } from "./index.ts";

const base = await mkdtemp(join(tmpdir(), "holdfast-fairness-"));
afterAll(() => rm(base, { recursive: true, force: true }));

const clock = createSystemClock();

const until = async (isSo: () => boolean): Promise<void> => {
  const end = clock.monotonicMs() + 60_000;
  while (!isSo()) {
    if (clock.monotonicMs() > end) throw new TypeError("It did not come to that in time.");
    await new Promise<void>((resolve) => void clock.startTimer(5, resolve));
  }
};

type Tenants = Readonly<Record<string, number>>;

/** An agent that notes whose runs are worked, in order; and a way to have so many runs of each tenant waiting on disk. */
const scene = async (name: string, options: Partial<RuntimeOptions> = {}) => {
  const order: string[] = [];
  const model = scriptedModel(({ lastUserText }) => {
    order.push(lastUserText);
    return { text: "done" };
  });
  const agent = agentOf({ model });
  const dataDir = join(base, name);
  const shared = { agents: [agent], dataDir, durability: "relaxed" } as const;
  const post = async (tenants: Tenants): Promise<void> => {
    await using desk = await createRuntime({ ...shared, isWorker: false });
    for (const [tenant, count] of Object.entries(tenants)) {
      const send = async (): Promise<void> => {
        const session = await desk.createSession(agent, { tenant });
        await session.send(tenant);
      };
      await Promise.all(Array.from({ length: count }, send));
    }
  };
  return { order, agent, post, open: () => createRuntime({ ...shared, ...options }) };
};

describe("many sessions of one tenant", () => {
  it("S1 do not keep another's waiting that is posted after them in this process", async () => {
    const { agent, order, open } = await scene("here", { maxActiveSessions: 4 });
    await using runtime = await open();
    const send = async (tenant: string) => (await runtime.createSession(agent, { tenant })).send(tenant);
    const many = Array.from({ length: 1_000 }, () => send("big"));
    const before = order.length;
    await (await send("small")).outcome();
    expect(order.indexOf("small")).toBeLessThan(500);
    expect(before).toBeLessThan(500);
    await Promise.all(many);
  });

  it.each([
    [1, {}],
    [3, { small: 3 }],
  ])("S1 take turns with another's, which has %i of them in a row", async (share, tenantWeights) => {
    const { order, post, open } = await scene(`weights-${share}`, { maxActiveSessions: 1, tenantWeights });
    await post({ big: 100, small: 50 });
    await using _runtime = await open();
    // The very first is begun before the store has named the others.
    await until(() => order.length > 4 * (share + 1));
    expect(order.slice(1, 4 * (share + 1) + 1).filter((tenant) => tenant === "small")).toHaveLength(
      4 * share,
    );
  });

  it("S1 that wait on disk, 10,000 of them, do not keep one of another's waiting", async () => {
    const { order, post, open } = await scene("many", { maxActiveSessions: 8, drainTimeoutMs: 100 });
    await post({ big: 10_000, small: 1 });
    await using _runtime = await open();
    await until(() => order.includes("small"));
    expect(order.indexOf("small")).toBeLessThan(50);
  });

  it("S1 are all worked, though the store names only so many at once", async () => {
    const { order, post, open } = await scene("more-than-a-batch", { maxActiveSessions: 100 });
    await post({ big: 1_200, small: 3 });
    await using _runtime = await open();
    await until(() => order.length === 1_203);
    expect(order.lastIndexOf("small")).toBeLessThan(120);
  });
});
