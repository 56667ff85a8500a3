import { createRuntime, defineAgent, defineTool, type Interceptor } from "holdfast";
import type { Model } from "holdfast/ports";
import { z } from "zod";

const refund = defineTool()({
  name: "refund",
  description: "Refunds an order.",
  inputSchema: z.object({ order: z.string(), cents: z.int().positive() }),
  effect: "write",
  execute: ({ order, cents }) => ({ order, refunded: cents, card: "4111 1111 1111 1111" }),
});

const agentWith = (model: Model) =>
  defineAgent({ name: "refunds", model, instructions: "Refund what you are told to.", tools: [refund] });

// #region interceptors
const CAP_CENTS = 10_000;

const capRefunds: Interceptor = {
  name: "cap-refunds",
  tools: ["refund"],
  before({ input, session }) {
    if (session.tenant === "frozen") return { deny: "Refunds are stopped for this shop." };
    const { cents, ...rest } = input as { readonly order: string; readonly cents: number };
    return cents > CAP_CENTS ? { input: { ...rest, cents: CAP_CENTS } } : undefined;
  },
};

const hideCards: Interceptor = {
  name: "hide-cards",
  after(_call, output) {
    const text = JSON.stringify(output.value);
    const hidden = text.replaceAll(/\b(?:\d{4} ?){4}\b/g, "[card]");
    return hidden === text ? undefined : { output: JSON.parse(hidden) as unknown };
  },
};

export const openRefunds = (model: Model, dataDir: string) =>
  createRuntime({ agents: [agentWith(model)], interceptors: [capRefunds, hideCards], dataDir });
// #endregion interceptors
