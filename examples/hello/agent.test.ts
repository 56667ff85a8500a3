import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime } from "holdfast";
import { expect, it } from "vitest";
import { agent } from "./agent.ts";

it("greets with the time that its tool told it", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-hello-"));
  {
    await using runtime = await createRuntime({ agents: [agent], dataDir });
    const { output } = await runtime.run(agent, "Hello?");
    expect(output).toMatch(/^Hello! In Vienna it is "\d\d:\d\d:\d\d"\.$/);
  }
  await rm(dataDir, { recursive: true });
});
