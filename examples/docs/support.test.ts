// #region test
import { createTestRuntime, scriptedModel } from "holdfast/testing";
import { expect, test } from "vitest";
import { createPayments } from "./payments.ts";
import { defineSupport } from "./support.ts";

const model = scriptedModel(({ toolResults }) =>
  toolResults.length === 0
    ? { toolCalls: [{ name: "refund_order", input: { orderId: "42", cents: 500 } }] }
    : { text: "Order 42 is refunded." },
);

test("a process that dies in the middle of a refund pays once", async () => {
  const payments = createPayments();
  const first = await createTestRuntime({ agents: [defineSupport(model)], deps: { payments } });
  payments.after = () => first.crashAfter(0); // the money is gone, and so is the process
  const session = await first.runtime.createSession("support");
  const { id } = await session.send("Refund order 42.");
  await first.advanceTime(1_000);
  expect(first.hasCrashed).toBe(true);

  const second = await first.restart();
  await second.advanceTime(60_000);
  const run = await second.runtime.getRun(id);
  expect(await run.outcome()).toMatchObject({ status: "completed", text: "Order 42 is refunded." });
  expect(payments.refunds).toHaveLength(1);
  await second.close();
});
// #endregion test
