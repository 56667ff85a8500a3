import type { JournalEvent } from "../../../core/event.ts";
import type { Charge } from "../../../core/usage.ts";
import type { History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** Of a charge and of the same worked out here; what is smaller comes of adding fractions. */
const SMALLEST_USD = 1e-9;

/** What a model call costs is what its tokens cost where the price is known, and nowhere a guess (E8, O1). */
export const checkCharges = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const { prices } = whole;
  if (prices === undefined) return [];
  return events.flatMap((event) => {
    const known = chargeIn(events, event);
    if (known === null || isRight(known, prices)) return [];
    const what = `${known.provider} is charged ${known.charge.costUsd} dollars`;
    return [finder(sessionId, "E8")("usage-wrong", event.position, what)];
  });
};

type Known = { readonly charge: Charge; readonly provider: string };

const chargeIn = (events: readonly JournalEvent[], { header }: JournalEvent): Known | null => {
  switch (header.type) {
    case "summary-call.started":
    case "model-call.started":
      return { charge: header.estimate, provider: header.provider };
    case "model-call.completed":
      return { charge: header.charge, provider: header.provider };
    case "summary-call.completed":
    case "summary-call.failed":
    case "model-call.failed": {
      const start = events[(header.startedAt ?? 0) - 1]?.header;
      return start?.type === "model-call.started" || start?.type === "summary-call.started"
        ? { charge: header.charge, provider: start.provider }
        : null;
    }
    default:
      return null;
  }
};

const isRight = ({ charge, provider }: Known, prices: NonNullable<History["prices"]>): boolean => {
  const { usage, costUsd, isEstimate } = charge;
  const isFree = !isEstimate && usage.inputTokens + usage.outputTokens === 0;
  const price = prices.get(provider);
  if (isFree) return costUsd === 0;
  if (price === undefined || costUsd === null) return price === undefined && costUsd === null;
  const expected = (usage.inputTokens * price.inputPerMTok + usage.outputTokens * price.outputPerMTok) / 1e6;
  return Math.abs(costUsd - expected) < SMALLEST_USD;
};
