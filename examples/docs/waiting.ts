import { defineTool, type Session } from "holdfast";
import { z } from "zod";

/** What the shop's till can do. */
export type Till = { readonly askForPayment: (orderId: string, idempotencyKey: string) => Promise<void> };

// #region wait
export const collectPayment = defineTool<{ till: Till }>()({
  name: "collect_payment",
  description: "Asks the customer to pay, and waits until they have, or for three days.",
  inputSchema: z.object({ orderId: z.string() }),
  effect: "idempotent",
  async execute({ orderId }, { deps, idempotencyKey, resume, suspend }) {
    if (resume?.by === "signal") return { paid: resume.value };
    if (resume?.by === "timeout") return "The customer has not paid within three days.";
    await deps.till.askForPayment(orderId, idempotencyKey);
    return suspend({ signal: `payment/${orderId}`, timeoutMs: 3 * 86_400_000 });
  },
});
// #endregion wait

/** What the payment provider's webhook does. */
export const onPaid = async (session: Session, mail: { readonly id: string; readonly orderId: string }) => {
  // #region signal
  await session.signal(`payment/${mail.orderId}`, { cents: 500 }, { idempotencyKey: mail.id });
  // #endregion signal
};
