import { defineTool } from "holdfast";
import { z } from "zod";
import type { Payments } from "./payments.ts";

// #region refund
export const refundOrder = defineTool<{ readonly payments: Payments }>()({
  name: "refund_order",
  description: "Pays money back for an order.",
  inputSchema: z.object({ orderId: z.string(), cents: z.number().int().positive() }),
  effect: "write",
  timeoutMs: 10_000,
  execute: ({ orderId, cents }, { deps, idempotencyKey, signal }) =>
    deps.payments.refund({ orderId, cents, reference: idempotencyKey }, signal),
  // Asked when a call was begun and nobody knows how it ended.
  async verify(_input, { deps, idempotencyKey, signal }) {
    const refund = await deps.payments.find(idempotencyKey, signal);
    return refund === undefined ? { status: "not-done" } : { status: "done", output: refund };
  },
});
// #endregion refund
