import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import type { Payments } from "./payments.ts";
import { refundOrder } from "./refund.ts";

/** An agent with one tool that writes; the model is the caller's choice. */
export const defineSupport = (model: ModelChoice): AgentDefinition<string, { readonly payments: Payments }> =>
  defineAgent({
    name: "support",
    model,
    instructions: "Refund what the customer is owed, then say so in one sentence.",
    tools: [refundOrder],
  });
