import {
  DELIVERY_VERSION,
  deliveredType,
  type RunDeliveredType,
  type StoredDelivery,
  type StoredRunDelivery,
} from "../core/delivery.ts";
import type { JournalEvent } from "../core/event.ts";
import type { SessionId } from "../core/ids.ts";
import { openCallOf, type SessionState } from "../core/session-state.ts";
import type { NewDuty } from "../ports/duty.ts";
import type { Recipient } from "./recipient.ts";
import type { EngineServices } from "./services.ts";

type Place = {
  readonly sessionId: SessionId;
  readonly agent: string;
  readonly tenant: string | null;
  /** What the session was before. */
  readonly before: SessionState;
  readonly services: Pick<EngineServices, "recipients" | "sha256" | "clock">;
};

/** Processes that have a recipient ask for its deliveries by this. */
export const deliveryAssignee = (recipient: string): string => `delivery:${recipient}`;

const NONE: readonly NewDuty[] = [];

/**
 * What is owed to whom because of these events: a row for each, in the commit that stores them, so that nobody is
 * forgotten by a process that dies right after it. Turns have no such event and pay nothing.
 */
export const deliveriesOf = (events: readonly JournalEvent[], place: Place): readonly NewDuty[] => {
  const { recipients } = place.services;
  if (recipients.size === 0) return NONE;
  return events.flatMap((event) => {
    const type = deliveredType(event.header, place.before);
    return type === null
      ? []
      : [...recipients.values()].flatMap((one) => owedTo(one, { event, type }, place));
  });
};

type Told = { readonly event: JournalEvent; readonly type: RunDeliveredType };

const owedTo = (recipient: Recipient, { event, type }: Told, place: Place): readonly NewDuty[] => {
  const { name, on, agents, escalation } = recipient;
  if (!on.has(type) || (agents !== null && !agents.has(place.agent))) return [];
  const { header, position } = event;
  const delivery: StoredRunDelivery = {
    v: DELIVERY_VERSION,
    recipient: name,
    agent: place.agent,
    sessionId: place.sessionId,
    runId: "runId" in header ? header.runId : "",
    type,
    position,
    ifUnanswered: false,
    tool: "callId" in header ? (openCallOf(place.before.run, header.callId)?.tool ?? null) : null,
    isEscalation: false,
    attempts: 0,
    failure: null,
  };
  const { clock, sha256 } = place.services;
  const owed = { tenant: place.tenant, sha256, dueAt: clock.now() };
  const first = toDuty(delivery, owed);
  if (type !== "run.suspended" || escalation === null || escalation.afterMs === null) return [first];
  const later = { ...delivery, recipient: escalation.to, ifUnanswered: true, isEscalation: true };
  return [first, toDuty(later, { ...owed, dueAt: owed.dueAt + escalation.afterMs })];
};

type Owed = {
  readonly tenant: string | null;
  readonly dueAt: number;
  readonly sha256: EngineServices["sha256"];
};

/** A delivery as a duty: those of one session, or circuit, to one recipient are in a lane, in the order in which they came. */
export const toDuty = (delivery: StoredDelivery, { tenant, dueAt, sha256 }: Owed): NewDuty => {
  const { of, place } = placeOf(delivery);
  return {
    kind: "delivery",
    id: deliveryId(delivery, sha256),
    assignee: deliveryAssignee(delivery.recipient),
    tenant,
    // guard O3: deliveries of a session are made in order
    lane: delivery.isEscalation ? null : `${of} ${delivery.recipient}`,
    place,
    dueAt,
    body: JSON.stringify(delivery),
  };
};

const placeOf = (delivery: StoredDelivery): { readonly of: string; readonly place: number } =>
  "circuit" in delivery
    ? { of: `circuit ${delivery.circuit.name}`, place: delivery.revision }
    : { of: delivery.sessionId, place: delivery.position };

/** The same whoever makes it, and without a dot: it is signed between dots (Standard Webhooks). */
const deliveryId = (delivery: StoredDelivery, sha256: EngineServices["sha256"]): string => {
  const { of, place } = placeOf(delivery);
  const digest = sha256(JSON.stringify([of, place, delivery.recipient, delivery.isEscalation]), "");
  return `msg_${Buffer.from(digest).toString("base64url").slice(0, 27)}`;
};
