import { askUserTool, defineAgent, defineCallerTool, defineTool, type Runtime, type Session } from "holdfast";
import { z } from "zod";

type Bank = { readonly pay: (cents: number, key: string) => Promise<string> };
type Model = Parameters<typeof defineAgent>[0]["model"];

// #region rule
export const payOut = defineTool<{ readonly bank: Bank }>()({
  name: "pay_out",
  description: "Pays money out to a customer.",
  inputSchema: z.object({ orderId: z.string(), cents: z.number().int().positive() }),
  effect: "write",
  needsApproval: ({ cents }) => {
    if (cents <= 5_000) return false;
    if (cents <= 50_000) return { reason: "More than 50 dollars.", approvers: ["team-lead"] };
    return {
      reason: "More than 500 dollars.",
      approvers: ["team-lead", "finance"],
      quorum: 2,
      escalate: [{ afterMs: 4 * 3_600_000, approvers: ["cfo"] }],
      timeoutMs: 24 * 3_600_000, // then it counts as rejected
    };
  },
  execute: ({ cents }, { deps, idempotencyKey }) => deps.bank.pay(cents, idempotencyKey),
});
// #endregion rule

// #region agent-rule
export const defineCautious = (model: Model) =>
  defineAgent({
    name: "cautious",
    model,
    instructions: "Help the customer.",
    tools: [payOut],
    // For calls that their tool lets pass.
    needsApproval: ({ effect }, { session }) => effect === "write" && session.tenant === "trial",
  });
// #endregion agent-rule

// #region decide
/** Approves what is below a limit, and tells the model what to change about the rest. */
export const clearDesk = async (runtime: Runtime, by: string): Promise<void> => {
  const { pending } = await runtime.pending({ kind: "approval" });
  for (const ask of pending) {
    if (ask.kind !== "approval") continue;
    const { cents } = z.object({ cents: z.number() }).parse(ask.input);
    await runtime.decide(
      ask.approvalId,
      cents < 20_000
        ? { verdict: "approve", by }
        : { verdict: "reject", by, message: "Offer a voucher of 200 dollars first." },
    );
  }
};
// #endregion decide

// #region caller-tool
export const scanBarcode = defineCallerTool({
  name: "scan_barcode",
  description: "Reads a barcode with the camera of the customer's phone.",
  inputSchema: z.object({ hint: z.string() }),
  outputSchema: z.object({ code: z.string().regex(/^\d{8,13}$/) }),
  timeoutMs: 10 * 60_000,
});
// #endregion caller-tool

// #region caller-loop
/** Runs what the agent hands over, until nothing is left. */
export const serveCaller = async (
  session: Session,
  scan: (hint: string) => Promise<string>,
): Promise<void> => {
  for (const call of await session.pending()) {
    if (call.kind !== "result") continue;
    const { hint } = z.object({ hint: z.string() }).parse(call.input);
    await session.submitResult(
      call.callId,
      await scan(hint).then(
        (code) => ({ output: { code } }),
        (error: unknown) => ({ error: String(error) }),
      ),
    );
  }
};
// #endregion caller-loop

// #region ask-user
export const askAddress = askUserTool({
  name: "ask_address",
  description: "Asks the customer where to send the parcel.",
  answerSchema: z.object({ street: z.string(), zip: z.string().regex(/^\d{5}$/), city: z.string() }),
});

export const defineParcels = (model: Model) =>
  defineAgent({
    name: "parcels",
    model,
    instructions: "Send parcels. Ask when you do not know something.",
    tools: [askAddress, askUserTool()], // ask_user: a question, and choices if the model gives some
  });
// #endregion ask-user
