import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { nextProcess, openScene, sendAndLeave, sendAndWait, type Scenario, use } from "../scenario.ts";

const retried: Scenario = {
  name: "model-retries-and-fallback",
  about: "A short wait, a long one that suspends, a cut stream, then a fallback to another provider.",
  play: async () => {
    const first = recordingModel(
      [
        { fail: { code: "MODEL_UNAVAILABLE" } },
        { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 45_000 } },
        { text: "This will be c", cutAfterChars: 9 },
        { reasoning: "Mine alone.", text: "Here.", ...use("look") },
        { fail: { code: "MODEL_UNAUTHORIZED" } },
      ],
      { provider: "one", modelId: "first" },
    );
    const second = recordingModel([{ text: "From the other." }, { text: "Still the other." }], {
      provider: "two",
      modelId: "second",
    });
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const scene = await openScene(agentOf({ model: [first, second], tools: [look] }), {
      modelRetry: { maxAttempts: 5 },
    });
    await sendAndWait(scene, "Look.");
    await scene.test.advanceTime(120_000);
    await scene.test.clock.settle();
    return scene;
  },
};

const givenUp: Scenario = {
  name: "model-given-up",
  about: "A model that refuses the request; instructions that fail; a run of too many turns.",
  play: async () => {
    let asked = 0;
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "Round." ? use("look") : { fail: { code: "MODEL_REQUEST_REJECTED" } },
    );
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const instructions = (): string => {
      asked += 1;
      if (asked === 2) throw new TypeError("no instructions today");
      return "Work.";
    };
    const scene = await openScene(agentOf({ model, instructions, tools: [look], limits: { maxTurns: 3 } }));
    await sendAndWait(scene, "Once.");
    await sendAndWait(scene, "Twice.");
    await sendAndWait(scene, "Round.");
    return scene;
  },
};

const overflow: Scenario = {
  name: "window-cut",
  about:
    "A bounded window; then a provider that says the prompt is too long, until nothing can be cut any more.",
  play: async () => {
    const model = recordingModel(({ lastUserText, messages }) => {
      if (lastUserText === "Too long.") return { fail: { code: "MODEL_CONTEXT_OVERFLOW" } };
      const results = messages.filter((message) => message.role === "tool").length;
      return lastUserText === "Tell." && results < 4 && messages.at(-1)?.role !== "user"
        ? { text: "More.", ...use("tell") }
        : messages.at(-1)?.role === "user"
          ? { text: "Begin.", ...use("tell") }
          : { text: "Enough." };
    });
    const tell = toolOf({ name: "tell", effect: "read", execute: () => "word ".repeat(40) });
    const limits = { maxWindowChars: 700, maxTurns: 8 };
    const scene = await openScene(agentOf({ model, tools: [tell], limits }));
    for (const text of ["Tell.", "Tell again.", "And again.", "Too long."]) await sendAndWait(scene, text);
    return scene;
  },
};

const summedUp: Scenario = {
  name: "window-summed-up",
  about:
    "Long results that are cut to their head; then older runs that leave the window, with a summary, twice.",
  play: async () => {
    const model = recordingModel(({ index, lastUserText }) =>
      lastUserText.startsWith("Last") || index % 8 === 7
        ? { text: "That is all. ".repeat(20) }
        : { text: "More of it.", ...use("tell") },
    );
    const tell = toolOf({ name: "tell", effect: "read", execute: () => "word ".repeat(400) });
    const scene = await openScene(
      agentOf({ model, tools: [tell], limits: { maxWindowChars: 16_000, maxTurns: 15 } }),
    );
    for (let index = 1; index <= 3; index += 1)
      await sendAndWait(scene, `Question ${index}: ${"why ".repeat(200)}`);
    // Whoever goes on with it has room for what comes next.
    await sendAndWait(scene, `Last: ${"why ".repeat(2_500)}`);
    return scene;
  },
};

const SUMMARY = "Goals:\n- to know why\nFacts:\n- [2] it was asked\nDone:\n- nothing";

const summedUpByModel: Scenario = {
  name: "window-summed-up-by-a-model",
  about:
    "Older runs that leave the window: a model sums them up, fails, is lost with its process, and is not asked for want of money.",
  play: async () => {
    let asked = 0;
    const small = recordingModel(
      () => {
        asked += 1;
        if (asked === 2) return { fail: { code: "MODEL_UNAVAILABLE" } };
        return asked === 3 ? { hang: true } : { text: SUMMARY };
      },
      { provider: "small", modelId: "small" },
    );
    const model = recordingModel(() => ({ text: "Because." }), { provider: "large", modelId: "large" });
    const price = { inputPerMTok: 1, outputPerMTok: 10 };
    const agent = agentOf({
      model,
      limits: { maxWindowChars: 8_000, maxTokens: 12_000 },
      settings: { maxOutputTokens: 300 },
      summary: { model: small, settings: { maxOutputTokens: 2_000 } },
    });
    const first = await openScene(agent, { prices: { "small/small": price, "large/large": price } });
    for (let index = 1; asked < 2; index += 1)
      await sendAndWait(first, `Question ${index}: ${"why ".repeat(400)}`);
    while (asked < 3) await sendAndLeave(first, `And now: ${"why ".repeat(400)}`);
    const next = await nextProcess(first);
    await next.test.advanceTime(1_000);
    // A long question leaves no room for what is not needed.
    for (let index = 1; index <= 3; index += 1)
      await sendAndWait(next, `Last ${index}: ${"why ".repeat(1_900)}`);
    return next;
  },
};

export const MODEL_FAILURES: readonly Scenario[] = [retried, givenUp, overflow, summedUp, summedUpByModel];
