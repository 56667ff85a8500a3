import { describe, expect, it } from "vitest";
import { openEvent } from "../core/journal-codec.ts";
import {
  createTestRuntime,
  type TestRuntime,
  type TestRuntimeOptions,
} from "../testing/create-test-runtime.ts";
import type { StoreCall } from "../testing/faulty-store.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
} from "../testing/scenario.fixture.ts";
import type { AgentDefinition, Session } from "./index.ts";

const LONG = "so it goes ".repeat(150);

const lastPrompt = (model: ReturnType<typeof recordingModel>): string =>
  JSON.stringify(model.requests.at(-1)?.messages);

const compactions = async (test: TestRuntime, session: Session): Promise<number> =>
  headersOf(await journalOf(test, session.id), "context.compacted").length;

/** Says so much that the window is made shorter once more. */
const fill = async (test: TestRuntime, session: Session, text = LONG): Promise<void> => {
  const before = await compactions(test, session);
  for (let index = 0; (await compactions(test, session)) === before; index += 1)
    expect(await (await session.send(`${index} ${text}`)).outcome()).toMatchObject({ status: "completed" });
};

const begin = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], ...options });
  return { test, session: await test.runtime.createSession(agent) };
};

describe("a summary of a summary", () => {
  it("E5 has nothing of a run that was rolled back, however often it is summed up", async () => {
    const secret = "the blue door";
    const tell = toolOf({ name: "tell", effect: "read", execute: () => LONG });
    let calls = 0;
    const model = recordingModel(({ lastUserText }) => {
      if (!lastUserText.startsWith("Look")) return { text: "Noted." };
      calls += 1;
      return calls < 8 ? { text: `${secret} ${LONG}`, toolCalls: [{ name: "tell" }] } : { hang: true };
    });
    const limits = { maxWindowChars: 12_000, maxRepeats: 99 };
    const { test, session } = await begin(agentOf({ model, tools: [tell], limits }));
    await fill(test, session, LONG.repeat(3));
    const run = await session.send("Look.");
    await test.advanceTime(1_000);
    expect(lastPrompt(model)).toContain(`: You: ${secret}`);
    await run.cancel({ mode: "rollback" });
    await test.advanceTime(1_000);
    await fill(test, session, LONG.repeat(3));
    expect(lastPrompt(model)).toContain("What was said before this");
    expect(lastPrompt(model)).not.toContain(secret);
    await test.close();
  });

  it("E5 keeps what was said while the input of the run that is rolled back waited", async () => {
    const door = makeDoor();
    const wait = toolOf({ name: "wait", effect: "read", execute: () => door.opened });
    const tell = toolOf({ name: "tell", effect: "read", execute: () => LONG });
    let calls = 0;
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (lastUserText.startsWith("Wait"))
        return toolResults.length === 0 ? { toolCalls: [{ name: "wait" }] } : { text: "It is the red door." };
      if (!lastUserText.startsWith("Look")) return { text: "Noted." };
      calls += 1;
      return calls < 20 ? { toolCalls: [{ name: "tell" }] } : { hang: true };
    });
    const limits = { maxWindowChars: 12_000, maxRepeats: 99 };
    const { test, session } = await begin(agentOf({ model, tools: [wait, tell], limits }));
    await session.send(`Wait. ${LONG}`);
    await test.advanceTime(1_000);
    const run = await session.send("Look.");
    await test.advanceTime(1_000);
    door.open();
    await test.advanceTime(5_000);
    expect(lastPrompt(model)).toContain(": You: It is the red door.");
    await run.cancel({ mode: "rollback" });
    await test.advanceTime(1_000);
    await (await session.send("And now?")).outcome();
    expect(lastPrompt(model)).toContain(": You: It is the red door.");
    await test.close();
  });

  it("E10 says what was undone", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => "paid",
      undo: { effect: "idempotent", execute: () => null },
    });
    const model = recordingModel(({ lastUserText, toolResults }) => {
      if (!lastUserText.startsWith("Pay")) return { text: "Noted." };
      return toolResults.length === 0
        ? { toolCalls: [{ name: "pay" }] }
        : { fail: { code: "MODEL_REQUEST_REJECTED" } };
    });
    const limits = { maxWindowChars: 12_000 };
    const { test, session } = await begin(agentOf({ model, tools: [pay], limits }));
    const run = await session.send("Pay.");
    await test.advanceTime(60_000);
    expect(await run.outcome()).toMatchObject({ status: "failed" });
    await fill(test, session);
    await fill(test, session);
    expect(lastPrompt(model)).toMatch(/\d+: Note: The run before this failed\. These calls were undone/);
    await test.close();
  });
});

describe("a summary", () => {
  it("J4 writes nothing down again that was erased while its run went on", async () => {
    const secret = "the blue door";
    const tell = toolOf({ name: "tell", effect: "read", execute: () => LONG });
    const door = makeDoor();
    const wait = toolOf({ name: "wait", effect: "read", execute: () => door.opened });
    const model = recordingModel(({ index }) => {
      if (index < 3) return { text: secret, toolCalls: [{ name: "tell" }] };
      if (index === 3) return { toolCalls: [{ name: "wait" }] };
      return index < 20 ? { toolCalls: [{ name: "tell" }] } : { text: "done" };
    });
    const limits = { maxWindowChars: 12_000, maxRepeats: 99 };
    const { test, session } = await begin(agentOf({ model, tools: [tell, wait], limits }));
    const run = await session.send("Look.");
    await test.advanceTime(1_000);
    await test.runtime.erase(session.id);
    door.open();
    await test.advanceTime(5_000);
    expect(await run.outcome()).toMatchObject({ status: "completed" });
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "context.compacted").some(({ summaryChars }) => summaryChars > 0)).toBe(true);
    expect(JSON.stringify(journal)).not.toContain(secret);
    await test.close();
  });

  it("J4 by a model brings nothing back that was erased while the model wrote it", async () => {
    const secret = "the blue door";
    const door = makeDoor();
    const tells = recordingModel(({ lastUserText }) => ({
      text: `Goals:\n- to find ${lastUserText.includes(secret) ? secret : "nothing"}`,
    }));
    const small = {
      ...tells,
      call: async (request: Parameters<typeof tells.call>[0]) => {
        const answer = await tells.call(request);
        await door.opened;
        return answer;
      },
    };
    const model = recordingModel(() => ({ text: "Noted." }));
    const limits = { maxWindowChars: 12_000 };
    const { test, session } = await begin(agentOf({ model, limits, summary: { model: small } }));
    for (let index = 0; tells.requests.length === 0; index += 1) {
      await session.send(`${index} ${secret} ${LONG}`);
      await test.advanceTime(1_000);
    }
    await test.runtime.erase(session.id);
    door.open();
    await test.advanceTime(5_000);
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "summary-call.failed")).toMatchObject([{ code: "MODEL_RESPONSE_INVALID" }]);
    expect(headersOf(journal, "run.completed").length).toBeGreaterThan(1);
    expect(JSON.stringify(journal)).not.toContain(secret);
    await test.close();
  });

  it.each([
    ["made of what was said", false],
    ["by a model", true],
  ])("J4 %s brings nothing back that is erased in the moment in which it is stored", async (_, isByModel) => {
    const secret = "the blue door";
    let isErasing = true;
    const faults = ({ commit }: StoreCall): null => {
      const types = (commit?.events ?? []).map((stored) => openEvent(stored).header.type);
      if (
        !isErasing ||
        !types.some((type) => type === (isByModel ? "summary-call.completed" : "context.compacted"))
      )
        return null;
      isErasing = false;
      // Done when it is called: the commit comes behind it.
      void test.store.erase(session.id);
      return null;
    };
    const small = recordingModel(({ lastUserText }) => ({
      text: `Goals:\n- to find ${lastUserText.includes(secret) ? secret : "nothing"}`,
    }));
    const model = recordingModel(() => ({ text: "Noted." }));
    const limits = { maxWindowChars: 12_000 };
    const agent = agentOf({ model, limits, ...(isByModel ? { summary: { model: small } } : {}) });
    const { test, session } = await begin(agent, { faults });
    for (let index = 0; isErasing; index += 1) {
      await session.send(`${index} ${secret} ${LONG}`);
      await test.advanceTime(1_000);
    }
    await test.advanceTime(5_000);
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "run.completed").length).toBeGreaterThan(1);
    expect(JSON.stringify(journal)).not.toContain(secret);
    await test.close();
  });
});
