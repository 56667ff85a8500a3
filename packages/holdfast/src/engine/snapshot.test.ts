import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import { agentOf, recordingModel, toolOf } from "../testing/scenario.fixture.ts";

/** Characters of snapshots that were kept for each event, in a run whose one answer asks for this many calls. */
const keptPerEvent = async (calls: number): Promise<number> => {
  const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0
      ? { text: "done" }
      : { toolCalls: Array.from({ length: calls }, () => ({ name: "look" })) },
  );
  const agent = agentOf({ model, tools: [look], limits: { maxRepeats: calls + 1 } });
  const test = await createTestRuntime({ agents: [agent] });
  let kept = 0;
  const save = test.store.saveSnapshot.bind(test.store);
  test.store.saveSnapshot = (sessionId, snapshot) => {
    kept += snapshot.state.length;
    return save(sessionId, snapshot);
  };
  const session = await test.runtime.createSession(agent);
  const outcome = await (await session.send("go")).outcome();
  expect(outcome).toMatchObject({ status: "completed", toolCalls: calls });
  const { position } = await session.snapshot();
  await test.close();
  expect(kept).toBeGreaterThan(0);
  return kept / position;
};

describe("snapshots", () => {
  it("S3 cost an event no more where an answer asks for very many calls", async () => {
    const few = await keptPerEvent(300);
    expect(await keptPerEvent(1_500)).toBeLessThan(few * 2);
  });
});
