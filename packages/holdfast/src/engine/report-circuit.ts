import { DELIVERY_VERSION, type StoredCircuitDelivery } from "../core/delivery.ts";
import type { Circuit } from "../core/circuit.ts";
import type { CircuitChange } from "./circuits.ts";
import { toDuty } from "./deliveries-of.ts";
import type { EngineServices } from "./services.ts";

type Parts = Pick<EngineServices, "recipients" | "store" | "clock" | "sha256">;

/**
 * Owes it to whoever wants to know that something is not called any more, or is again (O3). Processes that find it out at
 * the same time owe it once: what they owe has the same id.
 */
export const reportCircuit =
  ({ recipients, store, clock, sha256 }: Parts) =>
  async ({ name, before, after, revision }: CircuitChange): Promise<void> => {
    const type = typeOf(before, after);
    if (type === null) return;
    for (const recipient of recipients.values()) {
      if (!recipient.on.has(type)) continue;
      const at = clock.now();
      const delivery: StoredCircuitDelivery = {
        v: DELIVERY_VERSION,
        recipient: recipient.name,
        isEscalation: false,
        attempts: 0,
        failure: null,
        type,
        at,
        circuit:
          after.kind === "open"
            ? { name, code: after.code, until: after.until }
            : { name, code: null, until: null },
        revision,
      };
      const duty = toDuty(delivery, { tenant: null, dueAt: at, sha256 });
      await store.changeDuty({ kind: "put", duty, expect: null });
    }
  };

/** One that opens again, because its probe failed, was told of before. */
const typeOf = (before: Circuit, after: Circuit): StoredCircuitDelivery["type"] | null => {
  if (before.kind === "closed") return after.kind === "open" ? "circuit.opened" : null;
  return after.kind === "closed" ? "circuit.closed" : null;
};
