import type { EventHeader, JournalEvent } from "../../packages/holdfast/src/core/event.ts";
import type { Acknowledgement } from "./acknowledgement.ts";
import type { Evidence } from "./evidence.ts";

/** One thing that must not be. */
export type Finding = { readonly rule: string; readonly what: string };

/** The journals with their events opened. */
export type Journals = ReadonlyMap<string, readonly JournalEvent[]>;

type Told<Kind extends Acknowledgement["kind"]> = Extract<Acknowledgement, { kind: Kind }>;

/** What was acknowledged, of one kind. */
export const told = <Kind extends Acknowledgement["kind"]>(
  { acknowledgements }: Evidence,
  kind: Kind,
): readonly Told<Kind>[] => acknowledgements.filter((one): one is Told<Kind> => one.kind === kind);

/** An event with its header narrowed to one type. */
type EventOf<Type extends EventHeader["type"]> = JournalEvent & {
  readonly header: Extract<EventHeader, { type: Type }>;
};

export const eventsOf = <Type extends EventHeader["type"]>(
  events: readonly JournalEvent[],
  type: Type,
): readonly EventOf<Type>[] => events.filter((event): event is EventOf<Type> => event.header.type === type);
