import type { StoredDelivery, StoredRunDelivery } from "../../core/delivery.ts";
import type { SessionId } from "../../core/ids.ts";
import { createSession } from "../../engine/create-session.ts";
import { dutiesOf } from "../forget-duties.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import { EXTRACTION_AGENT } from "./extraction-agent.ts";
import { beginKey, EXTRACTION_RECIPIENT, extractionSessionId, runsIn } from "./extraction-session.ts";

type Whose = {
  readonly tenant: string | null;
  readonly user: string;
  readonly sessions: ReadonlySet<SessionId>;
};

/** A runtime that extracts nothing has no such agent; who works the session knows it by its name. */
const ABSENT = { name: EXTRACTION_AGENT, version: null, digest: "" };

/**
 * Sees to it that nobody who has read these sessions for an extraction can still begin it, however late he comes: the extraction of
 * each run is begun here, with nothing in it, and cancelled in the same moment.
 */
export const closeExtractions = async (
  services: RuntimeServices,
  { tenant, user, sessions }: Whose,
): Promise<void> => {
  const owed = (await dutiesOf(services.store, { kind: "delivery", tenant }))
    .map(({ body }) => JSON.parse(body) as StoredDelivery)
    .filter(
      (delivery): delivery is StoredRunDelivery =>
        "runId" in delivery &&
        delivery.recipient === EXTRACTION_RECIPIENT &&
        sessions.has(delivery.sessionId),
    );
  for (const delivery of owed) await beginInVain(services, delivery, { tenant, user });
};

const beginInVain = async (
  services: RuntimeServices,
  { runId: read }: StoredRunDelivery,
  owner: { readonly tenant: string | null; readonly user: string },
): Promise<void> => {
  const { store, clock, sha256, agents } = services;
  const id = extractionSessionId(sha256, read);
  await createSession(services, agents.get(EXTRACTION_AGENT) ?? ABSENT, { id, ...owner, attributes: {} });
  // Who was first has begun it with what was said: it is one of the user's sessions.
  if ((await runsIn(services, id)).length > 0) return;
  const runId = `run_${clock.newId()}`;
  const common = { sessionId: id, runId, blobs: [] };
  await store.post([
    { ...common, kind: "input", dedupeKey: `input:${beginKey(0)}`, body: JSON.stringify({ content: "" }) },
    { ...common, kind: "cancel", dedupeKey: null, body: "{}" },
  ]);
};
