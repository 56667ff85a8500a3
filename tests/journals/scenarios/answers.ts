import { agentOf, recordingModel, toolOf } from "../../../packages/holdfast/src/testing/scenario.fixture.ts";
import { z } from "zod";
import { defineAgent } from "holdfast";
import type { Model, ModelAnswer } from "holdfast/ports";
import { openScene, sendAndWait, type Scenario, use } from "../scenario.ts";

const USAGE = {
  inputTokens: 1_200,
  cacheReadTokens: 1_000,
  cacheWriteTokens: 50,
  outputTokens: 300,
  reasoningTokens: 120,
};

const plain: Scenario = {
  name: "plain-answers",
  about: "Two runs with the same instructions, one of them with settings of its own and a key; priced.",
  play: async () => {
    const model = recordingModel(
      [
        { reasoning: "They greet me.", text: "Good morning.", usage: USAGE },
        { text: "Until tomorrow.", usage: { ...USAGE, inputTokens: 1_300 } },
      ],
      { provider: "openai", modelId: "gpt-5" },
    );
    const prices = {
      "openai/gpt-5": { inputPerMTok: 1.25, outputPerMTok: 10, cacheReadPerMTok: 0.125 },
    };
    const scene = await openScene(agentOf({ model, version: "7" }), { prices });
    await sendAndWait(scene, "Good morning, ünïcödé 🌍.");
    await scene.test.advanceTime(60_000);
    await (
      await scene.session.send("Good night.", {
        idempotencyKey: "mail-881",
        settings: { temperature: 0.2, maxOutputTokens: 100 },
      })
    ).outcome();
    return scene;
  },
};

const created: Scenario = {
  name: "created-only",
  about: "A session that nobody has spoken in.",
  play: () => openScene(agentOf({ model: recordingModel([]) })),
};

const traced: Scenario = {
  name: "traced-with-changing-instructions",
  about: "Instructions made anew for each run, and a trace journaled with each.",
  play: async () => {
    let spans = 0;
    const telemetry = {
      startSpan: () => {
        spans += 1;
        const traceparent = `00-0af7651916cd43dd8448eb211c80319c-${String(spans).padStart(16, "0")}-01`;
        return { traceparent, run: <Result>(work: () => Result): Result => work(), end: () => {} };
      },
      observe: () => () => {},
    };
    const model = recordingModel([{ text: "one" }, { text: "two", usage: null }]);
    const instructions = ({ runId }: { readonly runId: string }): string => `This is ${runId}.`;
    const scene = await openScene(agentOf({ model, instructions }), { telemetry });
    await sendAndWait(scene, "one?");
    await sendAndWait(scene, "two?");
    return scene;
  },
};

const rich: Scenario = {
  name: "every-part-of-an-answer",
  about:
    "Reasoning with a signature, a search the provider ran itself, sources, a file, an opaque item, a call.",
  play: async () => {
    const signed = { anthropic: { signature: "c2lnbmVk" } };
    let calls = 0;
    const model: Model = {
      provider: "anthropic",
      modelId: "claude-sonnet-4-5",
      call: async (): Promise<ModelAnswer> => {
        calls += 1;
        const usage = USAGE;
        const metadata = { responseId: `msg_${calls}` };
        if (calls > 1)
          return { content: [{ type: "text", text: "Found." }], finish: "other", usage, metadata };
        return {
          content: [
            { type: "reasoning", text: "I look it up.", providerMetadata: signed },
            {
              type: "tool-call",
              providerCallId: "srv_1",
              toolName: "web_search",
              input: { query: "tides" },
              providerExecuted: true,
            },
            {
              type: "provider-tool-result",
              providerCallId: "srv_1",
              toolName: "web_search",
              result: [{ url: "https://example.org/tides" }],
            },
            { type: "source", source: { id: "1", url: "https://example.org/tides" } },
            { type: "file", mediaType: "image/png", data: { kind: "base64", base64: "iVBORw0KGgo=" } },
            { type: "opaque", part: { kind: "encrypted", data: "AAAA" } },
            { type: "text", text: "Let me check.", providerMetadata: signed },
            { type: "tool-call", providerCallId: "", toolName: "look", input: { place: "harbour" } },
          ],
          finish: "tool-calls",
          usage,
          metadata,
        };
      },
    };
    const look = toolOf({ name: "look", effect: "read", execute: () => "low tide" });
    const scene = await openScene(agentOf({ model, tools: [look] }));
    await sendAndWait(scene, "When is low tide?");
    return scene;
  },
};

const schema: Scenario = {
  name: "answers-by-a-schema",
  about: "An answer that fits after one repair; then one that never fits.",
  play: async () => {
    const agent = defineAgent({
      name: "clerk",
      instructions: "Answer as JSON.",
      output: z.object({ n: z.number() }),
      model: recordingModel([
        { text: "seven" },
        { text: '{"n": 7}' },
        ...Array.from({ length: 3 }, (_, index) => ({ text: `{"n": "${index}"}` })),
      ]),
    });
    const scene = await openScene(agent);
    await sendAndWait(scene, "How many?");
    await sendAndWait(scene, "And now?");
    return scene;
  },
};

const cutShort: Scenario = {
  name: "answers-that-did-not-finish-well",
  about: "An answer at its length limit whose call is not run, and one that was filtered.",
  play: async () => {
    const model = recordingModel([
      { ...use("look", { a: 1 }), finish: "length" },
      { text: "Shorter then.", finish: "length" },
      { finish: "content-filter" },
    ]);
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const scene = await openScene(agentOf({ model, tools: [look] }));
    await sendAndWait(scene, "Tell me all.");
    await sendAndWait(scene, "Tell me what you may not.");
    return scene;
  },
};

export const ANSWERS: readonly Scenario[] = [created, plain, traced, rich, schema, cutShort];
