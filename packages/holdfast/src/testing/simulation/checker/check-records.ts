import { sameBytes, type StoredEvent } from "../../../core/hash-chain.ts";
import { isJsonObject } from "../../../core/json.ts";
import type { Position, RunId, SessionId } from "../../../core/ids.ts";
import { mayBeErased } from "./check-erasures.ts";
import type { History, Piece } from "./history.ts";
import type { Violation } from "./rules.ts";
import { isUndo, undoneCall } from "./undo-books.ts";
import { callsOf, eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** Each epoch has one owner, and what it was told is stored is still there, byte for byte (J1, J2). */
export const checkOwners = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const found: Violation[] = [];
  const owners = new Map<number, string>();
  const stored = whole.journals.get(sessionId) ?? [];
  for (const { sessionId: of, writer, epoch, events: written } of whole.written ?? []) {
    if (of !== sessionId) continue;
    const owner = owners.get(epoch) ?? writer;
    owners.set(epoch, owner);
    if (owner !== writer)
      found.push(
        finder(sessionId, "J2")("two-owners", null, `${owner} and ${writer} write in epoch ${epoch}`),
      );
    for (const event of written) {
      if (!isSame(whole, sessionId, { found: stored[event.position - 1], event }))
        found.push(
          finder(sessionId, "J1")("written-and-gone", event.position, "what was stored is gone, or another"),
        );
      if (events[event.position - 1]?.epoch !== epoch)
        found.push(
          finder(sessionId, "J2")("two-owners", event.position, `an event of another epoch than ${epoch}`),
        );
    }
  }
  return found;
};

const isSame = (
  history: History,
  sessionId: SessionId,
  { found, event }: { readonly found: StoredEvent | undefined; readonly event: StoredEvent },
): boolean =>
  found !== undefined &&
  found.header === event.header &&
  sameBytes(found.hash, event.hash) &&
  (found.payload === event.payload || (found.payload === null && mayBeErased(history, sessionId, event)));

/**
 * Every signal that was taken is read, once, and not before one that was acknowledged by the
 * same process before it was posted (J6).
 */
export const checkSignals = ({
  sessionId,
  events,
  acknowledged,
  whole,
}: SessionHistory): readonly Violation[] => {
  const posted = (whole.posted ?? []).filter((one) => one.sessionId === sessionId);
  const found: Violation[] = [];
  const say = finder(sessionId, "J6");
  const unread = whole.unread?.get(sessionId) ?? 0;
  if (unread > 0) found.push(say("signal-lost", null, `${unread} signals were never read`));
  const accepted = eventsOf(events, "run.accepted").map(({ header }) => header.runId);
  const inputs = posted.flatMap(({ kind, runId }) => (kind === "input" && runId !== null ? [runId] : []));
  for (const first of acknowledged) {
    if (first.kind !== "input" || first.by === undefined) continue;
    const { by, at = 0 } = first;
    // What another process posted, or an attempt whose answer was lost, is not heard of until somebody looks.
    const isHeard = posted.some((one) => one.by === by && one.runId === first.runId);
    const isRepeated = posted.some((one) => one.kind === "duplicate" && one.key === `input:${first.key}`);
    if (!isHeard || isRepeated) continue;
    const later = posted.filter((one) => one.kind === "input" && one.by === by && one.at > at);
    if (later.some(({ runId }) => isBefore(accepted, runId, first.runId)))
      found.push(say("inputs-reordered", null, `what ${by} posted later was accepted before ${first.key}`));
  }
  if (inputs.some((runId) => whole.quietAt !== undefined && !accepted.includes(runId)))
    found.push(say("signal-lost", null, "an input was taken and never accepted"));
  const late = eventsOf(events, "tool-call.late").map(
    ({ header }) => `late:${header.callId}:${header.attempt}`,
  );
  for (const { kind, key } of posted) {
    if (kind !== "late" || whole.quietAt === undefined) continue;
    if (late.filter((one) => one === key).length !== 1)
      found.push(finder(sessionId, "E5")("signal-lost", null, `${key} is not in the journal once`));
  }
  return found;
};

const isBefore = (order: readonly RunId[], early: RunId | null, late: RunId): boolean =>
  early !== null &&
  order.includes(early) &&
  order.includes(late) &&
  order.indexOf(early) < order.indexOf(late);

/** Pieces of an answer come in order, each once, of the answer that is in progress, and add up to it (S5). */
export const checkPieces = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole, events } = session;
  const found: Violation[] = [];
  const say = finder(sessionId, "S5");
  const texts = new Map<string, string>();
  const latest = new Map<string, Position>();
  for (const piece of whole.pieces ?? []) {
    if (piece.sessionId !== sessionId) continue;
    const { subscriber, startedAt, offset, text } = piece;
    const key = `${subscriber} ${startedAt} ${piece.type}`;
    const before = texts.get(key) ?? "";
    if (before.length !== offset)
      found.push(
        say("pieces-wrong", startedAt, `${subscriber} sees a piece at ${offset} after ${before.length}`),
      );
    texts.set(key, before + text);
    if ((latest.get(subscriber) ?? 0) > startedAt)
      found.push(say("pieces-wrong", startedAt, `${subscriber} sees a piece of an answer that was voided`));
    latest.set(subscriber, startedAt);
    const problem = problemOf(piece, events[startedAt - 1], endOf(session, startedAt));
    if (problem !== null) found.push(say("pieces-wrong", startedAt, `${subscriber} sees a piece ${problem}`));
    const whatCame = textOfAnswer(endOf(session, startedAt));
    if (piece.type === "text" && whatCame !== null && !whatCame.startsWith(before + text))
      found.push(say("pieces-wrong", startedAt, `${subscriber} sees what was not said`));
  }
  return found;
};

type End = EventOf<"model-call.completed"> | EventOf<"model-call.failed">;

const endOf = ({ events }: SessionHistory, startedAt: Position): End | undefined =>
  [...eventsOf(events, "model-call.completed"), ...eventsOf(events, "model-call.failed")].find(
    ({ header }) => header.startedAt === startedAt,
  );

const problemOf = (
  piece: Piece,
  start: SessionHistory["events"][number] | undefined,
  end: End | undefined,
): string | null => {
  if (start?.header.type !== "model-call.started") return "of no model call";
  if (start.header.attempt !== piece.attempt) return "of another attempt";
  const hasSeenEnd = end !== undefined && piece.after >= end.position && (piece.since ?? 0) < end.position;
  return hasSeenEnd ? "after the answer's end" : null;
};

const textOfAnswer = (end: End | undefined): string | null => {
  const content = end?.header.type === "model-call.completed" ? end.payload?.["content"] : null;
  if (!Array.isArray(content)) return null;
  return content
    .map((part) =>
      isJsonObject(part) && part["type"] === "text" && typeof part["text"] === "string" ? part["text"] : "",
    )
    .join("");
};

/** No secret is in a journal or was told to a model, or to who follows (O2). */
export const checkSecrets = ({ sessionId, whole, models }: SessionHistory): readonly Violation[] => {
  const { secrets = [], remarks = [] } = whole;
  const tells = (text: string): boolean => {
    // Quoted once or twice, it is the same secret.
    const plain = text.replaceAll("\\", "");
    return secrets.some((secret) => plain.includes(secret));
  };
  const stored = whole.journals.get(sessionId) ?? [];
  const where = stored.find(({ header, payload }) => tells(`${header}${payload ?? ""}`));
  const heard = remarks.flatMap((one) => (one.sessionId === sessionId ? [one.text] : []));
  const isTold = [...heard, ...models.map(({ prompt }) => JSON.stringify(prompt))].some(tells);
  if (where === undefined && !isTold) return [];
  return [
    finder(sessionId, "O2")("secret-told", where?.position ?? null, "a secret is where it must not be"),
  ];
};

/** A tool is entered with what the model asked, and never with what was refused (E3). */
export const checkToolInputs = ({ sessionId, events, effects }: SessionHistory): readonly Violation[] => {
  const calls = callsOf(events);
  const proposed = new Map<string, string>();
  for (const { header, payload } of eventsOf(events, "model-call.completed")) {
    const content = payload?.["content"];
    const parts = (Array.isArray(content) ? content : []).filter(
      (part) => isJsonObject(part) && part["type"] === "tool-call" && part["providerExecuted"] !== true,
    );
    header.calls.forEach(({ callId }, index) => {
      const part = parts[index];
      if (isJsonObject(part)) proposed.set(callId, JSON.stringify(part["input"]));
    });
  }
  // What was edited when it was approved is what is run.
  const edits = eventsOf(events, "approval.decided").filter(({ header }) => header.isEdited);
  return effects.flatMap(({ kind, callId, input, durable }) => {
    const edit = edits.findLast(({ header, position }) => header.callId === callId && position <= durable);
    if (edit !== undefined && JSON.stringify(input) === JSON.stringify(edit.payload?.["input"])) return [];
    if (kind !== "entered" || input === undefined || !calls.has(callId)) return [];
    if (isUndo(callId)) {
      const undone = undoneCall(callId);
      const edited = edits.findLast(({ header }) => header.callId === undone);
      const asked = edited === undefined ? proposed.get(undone) : JSON.stringify(edited.payload?.["input"]);
      const given = isJsonObject(input) ? JSON.stringify(input["input"]) : "";
      if (given === asked) return [];
    }
    if (edit === undefined && JSON.stringify(input) === proposed.get(callId)) return [];
    return [finder(sessionId, "E3")("input-wrong", null, `${callId} was entered with what nobody asked for`)];
  });
};
