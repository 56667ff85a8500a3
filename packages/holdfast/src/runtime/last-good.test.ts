import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import { agentOf, recordingModel, toolOf, within } from "../testing/scenario.fixture.ts";
import { ToolError } from "../core/errors.ts";
import type { ToolContext } from "../ports/tool.ts";
import { createRuntime, type DefinedTool, type Interceptor } from "./index.ts";

/** A bank that answers, and then does not; whoever asks is told what it said when it did. */
const start = async (
  execute: (context: ToolContext) => unknown,
  options: Partial<TestRuntimeOptions> = {},
  more: readonly DefinedTool[] = [],
) => {
  const bank = { works: true };
  const ask = toolOf({
    name: "ask",
    effect: "read",
    fallback: { lastGoodMs: 60_000 },
    execute: (_, context) => {
      if (bank.works) return execute(context);
      throw new ToolError("The bank is away.");
    },
  });
  const model = recordingModel(({ toolResults, lastUserText: name }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name }] },
  );
  const agent = agentOf({ model, tools: [ask, ...more] });
  const test = await createTestRuntime({ agents: [agent], ...options });
  const told = async (attributes: Record<string, string> = {}, name = "ask") => {
    const session = await test.runtime.createSession(agent, { user: "ann", attributes });
    await within(test, (await session.send(name)).outcome(), 10_000);
    return { session, text: JSON.stringify(model.requests.at(-1)?.messages.at(-1)) };
  };
  return { bank, test, agent, told };
};

describe("a last good answer", () => {
  it("J4 is not given any more when another process has erased it", async () => {
    const { bank, test, agent, told } = await start(() => "42");
    const { session } = await told();
    bank.works = false;
    expect((await told()).text).toContain("42");
    const other = await createRuntime({
      agents: [agent],
      store: test.store.attach(),
      clock: test.clock,
      isWorker: false,
    });
    await other.erase(session.id);
    await other.close();
    const { text } = await told();
    expect(text).toContain("The bank is away.");
    expect(text).not.toContain("42");
    await test.close();
  });

  it("S1 is given to nobody of whom something else is known", async () => {
    const { bank, test, told } = await start(
      ({ session }) => `balance of ${JSON.stringify(session.attributes)}`,
    );
    await told({ account: "one" });
    bank.works = false;
    expect((await told({ account: "two" })).text).not.toContain("balance");
    expect((await told({ account: "one" })).text).toContain("balance");
    await test.close();
  });

  it("O2 is seen by interceptors as any result is", async () => {
    let isSeen = true;
    const after: Interceptor["after"] = () => {
      if (isSeen) return undefined;
      return { deny: "Nobody reads that any more." };
    };
    const { bank, test, told } = await start(() => "card 4111", { interceptors: [{ name: "guard", after }] });
    await told();
    bank.works = false;
    expect((await told()).text).toContain("card 4111");
    isSeen = false;
    expect((await told()).text).not.toContain("card 4111");
    await test.close();
  });

  it("O2 tells no secret that was not known to be one then", async () => {
    const learn = toolOf({ name: "learn", effect: "read", execute: (_, { secret }) => void secret("KEY") });
    const { bank, test, told } = await start(() => "it is sesame-open", { secrets: { KEY: "sesame-open" } }, [
      learn,
    ]);
    await told();
    await told({}, "learn");
    bank.works = false;
    const { text } = await told();
    expect(text).toContain("[secret:KEY]");
    expect(text).not.toContain("sesame-open");
    await test.close();
  });

  it("E7 gets no younger when the clock is set back", async () => {
    const { bank, test, told } = await start(() => "42");
    await told();
    bank.works = false;
    test.clock.jump(-3_600_000);
    await test.advanceTime(61_000);
    expect((await told()).text).toContain("The bank is away.");
    await test.close();
  });
});

describe("limits of one name", () => {
  const using = (name: string, maxConcurrent: number) =>
    toolOf({ name, effect: "read", limits: { name: "bank", maxConcurrent }, execute: () => "" });
  const made = (...tools: readonly DefinedTool[]) =>
    createTestRuntime({ agents: [agentOf({ model: recordingModel([]), tools })] });

  it("E7 are the same for all that share them", async () => {
    await expect(made(using("pay", 1), using("look", 2))).rejects.toThrow(/say different ones/);
    await (await made(using("pay", 2), using("look", 2))).close();
  });
});
