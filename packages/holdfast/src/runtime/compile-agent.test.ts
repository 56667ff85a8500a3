import { describe, expect, it } from "vitest";
import { createPriceList } from "../models/index.ts";
import { compileAgent } from "./compile-agent.ts";
import { defineAgent, sha256 } from "./index.ts";

const compile = (options: Omit<Parameters<typeof defineAgent>[0], "name" | "instructions">) =>
  compileAgent(defineAgent({ name: "a", instructions: "x", ...options }), {
    sha256,
    modelTimeoutMs: 1_000,
    modelRetry: { maxAttempts: 1, initialDelayMs: 1, maxDelayMs: 1 },
    from: ".",
    limits: createPriceList().limits,
  });

describe("compileAgent", () => {
  it("bounds the window by the smallest model's context", () => {
    const small = compile({ model: ["anthropic/claude-sonnet-4-5", "openai/gpt-4"] });
    expect(small.settings.maxWindowChars).toBeLessThan(8_192 * 4);
    expect(small.settings.maxWindowChars).toBeGreaterThan(8_192);
  });

  it("bounds the window by 400,000 characters where no limit is known", () => {
    expect(compile({ model: "nobody/nothing" }).settings.maxWindowChars).toBe(400_000);
  });

  it("takes the author's own bound", () => {
    expect(
      compile({ model: "openai/gpt-4", limits: { maxWindowChars: 1_000 } }).settings.maxWindowChars,
    ).toBe(1_000);
  });

  it("S6: gives another digest when anything in the definition that is data changes", () => {
    const digests = [
      compile({ model: "a/b" }),
      compile({ model: "a/c" }),
      compile({ model: "a/b", version: "2" }),
      compile({ model: "a/b", limits: { maxTurns: 3 } }),
      compile({ model: "a/b", settings: { temperature: 0 } }),
    ].map((agent) => agent.digest);
    expect(new Set(digests).size).toBe(digests.length);
    expect(compile({ model: "a/b" }).digest).toBe(digests[0]);
  });
});
