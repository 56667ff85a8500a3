import type { DurableEvent, Session } from "holdfast";
import { objectOf, rowsIn, textIn } from "./read-json.ts";
import { readLog, type LogLine } from "./service/effect-log.ts";

/** One finding the model asked for: what the journal says of it, and what the desk's own log says. */
export type ProvenCall = {
  readonly title: string;
  readonly attempts: number;
  /** How the journal says it ended. */
  readonly journal: "filed" | "found filed" | "not filed" | "unknown" | "open";
  /** Requests that arrived at the desk. */
  readonly received: number;
  /** Findings the desk filed for it: 1, unless something is wrong. */
  readonly filed: number;
};

export type Proof = {
  readonly calls: readonly ProvenCall[];
  readonly received: number;
  readonly filed: number;
  /** Findings filed more than once, or that nobody asked for. */
  readonly duplicates: number;
  /** Findings the journal calls filed and the desk does not know. */
  readonly missing: number;
};

type Told = { title: string; attempts: number; reference: string | null; journal: ProvenCall["journal"] };

/** Sets what the journal says beside what the desk's own log says. */
export const prove = async (session: Session, deskLog: string): Promise<Proof> => {
  const told = await readJournal(session);
  const lines = readLog(deskLog).filter((line) => line.session === session.id);
  const count = (event: LogLine["event"], reference: string | null): number =>
    lines.filter((line) => line.event === event && line.reference === reference).length;
  const calls = told.map(({ title, attempts, reference, journal }) => {
    return {
      title,
      attempts,
      journal,
      received: count("received", reference),
      filed: count("filed", reference),
    };
  });
  const received = lines.filter(({ event }) => event === "received").length;
  const filed = lines.filter(({ event }) => event === "filed").length;
  const distinct = calls.filter((call) => call.filed > 0).length;
  const missing = calls.filter(
    (call) => call.journal.endsWith("filed") && call.journal !== "not filed" && call.filed === 0,
  ).length;
  return { calls, received, filed, duplicates: filed - distinct, missing };
};

const readJournal = async (session: Session): Promise<readonly Told[]> => {
  const told = new Map<string, Told>();
  for await (const event of session.history()) {
    if (event.kind !== "event") continue;
    if (event.type === "model-call.completed")
      for (const [callId, title] of requested(event)) told.set(callId, begin(title));
    if (!("callId" in event.header)) continue;
    const call = told.get(event.header.callId);
    if (call !== undefined) note(call, event.header);
  }
  return [...told.values()];
};

const begin = (title: string): Told => ({ title, attempts: 0, reference: null, journal: "open" });

const requested = ({
  header,
  payload,
}: DurableEvent<"model-call.completed">): readonly (readonly [string, string])[] => {
  const parts = rowsIn(payload, "content");
  const asked = parts.filter((part) => part["type"] === "tool-call" && part["providerExecuted"] !== true);
  return header.calls.flatMap(({ callId, tool }, index) => {
    const title = textIn(objectOf(asked[index]?.["input"]), "title");
    return tool === "file_finding" ? [[callId, title || callId] as const] : [];
  });
};

const note = (call: Told, header: Extract<DurableEvent["header"], { callId: string }>): void => {
  switch (header.type) {
    case "tool-call.started":
      call.attempts = header.attempt;
      call.reference = header.idempotencyKey;
      return;
    case "tool-call.completed":
      call.journal = header.by === "verification" ? "found filed" : "filed";
      return;
    case "tool-call.failed":
      if (header.next.kind !== "retry") call.journal = "not filed";
      return;
    case "tool-call.unknown":
      call.journal = "unknown";
      return;
    default:
      return;
  }
};
