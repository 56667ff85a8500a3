import type { StoredDelivery, StoredRunDelivery } from "../../core/delivery.ts";
import type { SessionId } from "../../core/ids.ts";
import { createSession } from "../../engine/create-session.ts";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { dutiesOf } from "../forget-duties.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import { EXTRACTION_AGENT } from "./extraction-agent.ts";
import {
  beginKey,
  EXTRACTION_RECIPIENT,
  extractionSessionId,
  memoryKey,
  runsIn,
} from "./extraction-session.ts";

type Whose = {
  readonly tenant: string | null;
  readonly user: string;
  readonly sessions: ReadonlySet<SessionId>;
};

/** A runtime that extracts nothing has no such agent; who works the session knows it by its name. */
const ABSENT = { name: EXTRACTION_AGENT, version: null, digest: "" };

/**
 * Sees to it that nobody who has read these sessions for an extraction can still say or remember what was said there, however late he
 * comes: the extraction of each run is begun here, cancelled in the same moment, and what it came to is written as nothing.
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
  for (const delivery of owed) {
    await beginInVain(services, delivery, { tenant, user });
    if (services.memory !== null)
      await rememberNothing(services, services.memory, { tenant, user, delivery });
  }
};

const beginInVain = async (
  services: RuntimeServices,
  { runId: read }: StoredRunDelivery,
  owner: { readonly tenant: string | null; readonly user: string },
): Promise<void> => {
  const { store, clock, sha256, agents } = services;
  const id = extractionSessionId(sha256, read);
  await createSession(services, agents.get(EXTRACTION_AGENT) ?? ABSENT, { id, ...owner, attributes: {} });
  // guard J4: an extraction of what is erased is begun by nobody else
  if ((await runsIn(services, id)).length > 0) return;
  const runId = `run_${clock.newId()}`;
  const common = { sessionId: id, runId, blobs: [] };
  await store.post([
    { ...common, kind: "input", dedupeKey: `input:${beginKey(0)}`, body: JSON.stringify({ content: "" }) },
    { ...common, kind: "cancel", dedupeKey: null, body: "{}" },
  ]);
};

type Remembering = {
  readonly tenant: string | null;
  readonly user: string;
  readonly delivery: StoredRunDelivery;
};

const rememberNothing = async (
  { clock }: RuntimeServices,
  memory: MemoryStore,
  { tenant, user, delivery }: Remembering,
): Promise<void> => {
  const by = { tenant, user, agent: null, session: delivery.sessionId };
  // guard K10: what is written of it later is nothing (K5)
  await memory.write({ by, key: memoryKey(delivery.runId), now: clock.now(), changes: [] });
};
