import { describe, expect, it } from "vitest";
import { NO_USAGE } from "../../core/usage.ts";
import { createPriceList } from "./create-price-list.ts";

const MILLION = 1_000_000;
const USAGE = { ...NO_USAGE, inputTokens: 100_000, outputTokens: 10_000 };

describe("a price list", () => {
  const prices = createPriceList({
    own: {
      "local/any": { inputPerMTok: 1, outputPerMTok: 2 },
      "openai/tuned": {
        inputPerMTok: 10,
        outputPerMTok: 20,
        cacheReadPerMTok: 1,
        cacheWritePerMTok: 12,
        reasoningPerMTok: 30,
      },
      "openai.chat/tuned": { inputPerMTok: 0, outputPerMTok: 0 },
    },
  });

  it.each([
    ["openai.responses", "gpt-5"],
    ["openai.chat", "gpt-5"],
    ["anthropic.messages", "claude-sonnet-4-5"],
    ["google.generative-ai", "gemini-2.5-pro"],
    ["groq.chat", "llama-3.3-70b-versatile"],
    ["azure.responses", "gpt-4o"],
    ["xai.chat", "grok-3"],
    ["mistral.chat", "mistral-large-latest"],
    ["amazon-bedrock", "anthropic.claude-3-haiku-20240307-v1:0"],
  ])("knows what %s charges for %s", (provider, modelId) => {
    expect(prices.costUsd(provider, modelId, USAGE)).toBeGreaterThan(0);
  });

  it("prices cached tokens apart, and less", () => {
    const plain = prices.costUsd("openai.responses", "gpt-5", USAGE);
    const cached = prices.costUsd("openai.responses", "gpt-5", { ...USAGE, cacheReadTokens: 90_000 });
    expect(plain).toBeCloseTo(0.125 + 0.1, 6);
    expect(cached).toBeCloseTo(0.0125 + 0.01125 + 0.1, 6);
  });

  it("prices reasoning apart where a provider does", () => {
    const plain = prices.costUsd("perplexity", "sonar-deep-research", { ...USAGE, outputTokens: 10_000 });
    const reasoned = prices.costUsd("perplexity", "sonar-deep-research", {
      ...USAGE,
      reasoningTokens: 10_000,
    });
    expect(reasoned).toBeLessThan(plain ?? 0);
  });

  it.each([
    ["openai.responses", "no-such-model"],
    ["my-server.chat", "gpt-5"],
    ["scripted", "scripted"],
  ])("says null, never 0, for %s %s", (provider, modelId) => {
    expect(prices.costUsd(provider, modelId, USAGE)).toBeNull();
  });

  it("takes your own price first, that of one interface before that of the provider", () => {
    expect(prices.costUsd("local.chat", "any", { ...NO_USAGE, inputTokens: MILLION })).toBe(1);
    expect(prices.costUsd("openai.chat", "tuned", USAGE)).toBe(0);
    const usage = {
      inputTokens: 4 * MILLION,
      cacheReadTokens: MILLION,
      cacheWriteTokens: MILLION,
      outputTokens: 3 * MILLION,
      reasoningTokens: MILLION,
    };
    expect(prices.costUsd("openai.responses", "tuned", usage)).toBe(20 + 1 + 12 + 40 + 30);
  });

  it("prices counts that cannot be as far as they can be", () => {
    const usage = { ...NO_USAGE, inputTokens: 10, cacheReadTokens: 50, outputTokens: 1, reasoningTokens: 9 };
    expect(prices.costUsd("openai.responses", "gpt-5", usage)).toBeGreaterThan(0);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("refuses a price of %d", (inputPerMTok) => {
    expect(() => createPriceList({ own: { "a/b": { inputPerMTok, outputPerMTok: 1 } } })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }) as Error,
    );
  });

  it("knows how much a model reads, where anyone does", () => {
    expect(prices.limits("openai.responses", "gpt-5").contextTokens).toBe(400_000);
    expect(prices.limits("openai.responses", "no-such-model").contextTokens).toBeNull();
    expect(prices.limits("scripted", "scripted").contextTokens).toBeNull();
  });
});
