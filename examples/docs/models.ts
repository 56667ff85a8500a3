import { createRuntime, defineAgent, type AgentDefinition, type Runtime, type Session } from "holdfast";
import { z } from "zod";

// #region fallbacks
export const reader = defineAgent({
  name: "reader",
  model: ["anthropic/claude-sonnet-4-5", "openai/gpt-5"],
  instructions: "Answer from the document, in one paragraph.",
});
// #endregion fallbacks

// #region settings
export const careful = defineAgent({
  name: "careful",
  model: "anthropic/claude-sonnet-4-5",
  instructions: ({ session, now }) =>
    `You help ${session.user ?? "a guest"}. Today is ${now.toDateString()}.`,
  settings: {
    temperature: 0,
    maxOutputTokens: 2_000,
    reasoning: "low",
    // Everything up to the end of the system message is cached by the provider.
    systemProviderOptions: { anthropic: { cacheControl: { type: "ephemeral" } } },
  },
});
// #endregion settings

export const sendWithSettings = async (session: Session) => {
  // #region send-settings
  const run = await session.send("Think this over.", {
    settings: { reasoning: "high", maxOutputTokens: 8_000 },
  });
  // #endregion send-settings
  return run;
};

export const sendImage = async (session: Session, bytes: Uint8Array) => {
  // #region parts
  const run = await session.send([
    { type: "text", text: "What is on this picture?" },
    { type: "image", data: bytes, mediaType: "image/png" },
  ]);
  // #endregion parts
  return run;
};

// #region output
export const Ticket = z.object({ urgency: z.enum(["low", "high"]), summary: z.string() });

export const triage = (model: string): AgentDefinition<z.infer<typeof Ticket>> =>
  defineAgent({ name: "triage", model, instructions: "Sort the mail.", output: Ticket });
// #endregion output

export const openWithPrices = async (
  agents: readonly AgentDefinition<unknown>[],
  dataDir: string,
): Promise<Runtime> => {
  // #region runtime
  const runtime = await createRuntime({
    agents,
    dataDir,
    modelTimeouts: { firstTokenMs: 60_000, gapMs: 30_000, totalMs: 300_000 },
    modelRetry: { maxAttempts: 6 },
    prices: { "openai-compatible/qwen3": { inputPerMTok: 0.4, outputPerMTok: 1.2 } },
  });
  // #endregion runtime
  return runtime;
};
