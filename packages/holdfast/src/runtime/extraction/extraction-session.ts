import type { Sha256 } from "../../core/hash-chain.ts";
import type { EventType } from "../../core/event.ts";
import type { RunId, SessionId } from "../../core/ids.ts";
import { openEvent } from "../../core/journal-codec.ts";
import type { RuntimeServices } from "../runtime-services.ts";

/** No recipient of a user's can have this name: it begins with a sign. */
export const EXTRACTION_RECIPIENT = "@memory-extraction";

/** Of the input that begins the extraction, and of each that asks again after a failure. */
export const beginKey = (begun: number): string => `extraction:${begun}`;

/** The session in which a run is read, the same for everybody: of each run, so that no conversation is read with another. */
export const extractionSessionId = (sha256: Sha256, runId: RunId): SessionId =>
  `ses_${Buffer.from(sha256(JSON.stringify(["memory-extraction", runId]), ""))
    .toString("base64url")
    .slice(0, 27)}`;

type Begun = { readonly runId: RunId; readonly isOver: boolean; readonly hasFailed: boolean };

const ENDS: ReadonlySet<EventType> = new Set<EventType>(["run.completed", "run.failed", "run.cancelled"]);

/** The runs of an extraction's session, in their order; those that nobody has read of, too. */
export const runsIn = async ({ store }: RuntimeServices, id: SessionId): Promise<readonly Begun[]> => {
  const loaded = await store.load(id);
  if (loaded === undefined) return [];
  const headers = (await store.read(id, 0, { limit: 10_000, omitPayload: true })).map(
    (stored) => openEvent(stored).header,
  );
  const ended = new Map(
    headers.flatMap((header) =>
      ENDS.has(header.type) && "runId" in header ? [[header.runId, header.type] as const] : [],
    ),
  );
  const accepted = headers.flatMap((header) => (header.type === "run.accepted" ? [header.runId] : []));
  const unread = loaded.signals.flatMap(({ kind, runId }) =>
    kind === "input" && runId !== null ? [runId] : [],
  );
  return [...new Set([...accepted, ...unread])].map((run) => ({
    runId: run,
    isOver: ended.has(run),
    hasFailed: ended.get(run) === "run.failed",
  }));
};
