import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, defineAgent, defineTool, type AgentDefinition, type Session } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { letGoOn, openVersions } from "./upgrades.ts";

test("a pinned run goes on with its own definition, and one that asks when it is let", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-upgrades-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const pay = defineTool()({
    name: "pay",
    description: "pays",
    inputSchema: z.object({}),
    effect: "write",
    needsApproval: true,
    execute: () => "paid",
  });
  const model = scriptedModel(({ toolResults, system }) =>
    toolResults.length === 0 ? { toolCalls: [{ name: "pay", input: {} }] } : { text: system ?? "" },
  );
  const claims = { name: "claims", model, tools: [pay] };
  const begun = async (agent: AgentDefinition): Promise<string> => {
    await using runtime = await createRuntime({ agents: [agent], dataDir });
    const run = await (await runtime.createSession("claims")).send("go");
    expect((await run.outcome()).status).toBe("suspended");
    return run.sessionId;
  };
  const pinned = await begun(
    defineAgent({ ...claims, version: "1", onUpgrade: "pin", instructions: "Pay what is owed." }),
  );
  const asking = await begun(
    defineAgent({ ...claims, version: "1b", onUpgrade: "ask", instructions: "Pay now." }),
  );
  await using runtime = await openVersions(claims, dataDir);
  const approve = async (id: string): Promise<Session> => {
    const session = await runtime.getSession(id);
    for (const one of await session.pending())
      if (one.kind === "approval") await session.decide(one.approvalId, { verdict: "approve" });
    return session;
  };
  const first = await approve(pinned);
  await expect.poll(async () => (await first.snapshot()).status).toBe("completed");
  const second = await approve(asking);
  await expect
    .poll(async () => (await second.snapshot()).waitingFor)
    .toMatchObject([{ reason: "upgrade", from: "claims@1b", to: "claims@2" }]);
  await letGoOn(runtime, asking);
  await expect.poll(async () => (await second.snapshot()).status).toBe("completed");
});
