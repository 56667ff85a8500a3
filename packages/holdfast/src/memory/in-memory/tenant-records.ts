import type { Position, SessionId } from "../../core/ids.ts";
import type { MemoryRecord } from "../../ports/memory-store.ts";
import type { MemoryTable } from "../apply-change.ts";
import { slotOf } from "../memory-slot.ts";
import { ownerKey } from "../scope-key.ts";
import { TermPart } from "./term-part.ts";

/** The records of one tenant. */
export class TenantRecords implements MemoryTable {
  readonly byId = new Map<string, { readonly record: MemoryRecord; readonly number: number }>();
  readonly parts = new Map<string, TermPart>();
  readonly #slots = new Map<string, string>();
  readonly #erased = new Map<SessionId, Position>();
  readonly #count: () => number;
  readonly #stem: boolean;

  constructor(count: () => number, stem: boolean) {
    this.#count = count;
    this.#stem = stem;
  }

  find(id: string): MemoryRecord | undefined {
    return this.byId.get(id)?.record;
  }

  current(owner: string, namespace: string, slot: string): MemoryRecord | undefined {
    return this.find(this.#slots.get(JSON.stringify([owner, namespace, slot])) ?? "");
  }

  put(record: MemoryRecord): void {
    const before = this.byId.get(record.id);
    if (before !== undefined) this.#leave(before.record);
    this.byId.set(record.id, { record, number: before?.number ?? this.#count() });
    if (record.supersededBy !== null) return;
    const slot = slotKey(record);
    if (slot !== null) this.#slots.set(slot, record.id);
    this.#partOf(record).add(record);
  }

  remove(record: MemoryRecord): void {
    this.#leave(record);
    this.byId.delete(record.id);
  }

  count(): number {
    return this.#count();
  }

  erasedUpTo(session: SessionId): Position {
    return this.#erased.get(session) ?? -1;
  }

  /** From now on nothing is taken of what was said there up to this position. */
  refuseUpTo(session: SessionId, position: Position): void {
    this.#erased.set(session, Math.max(position, this.erasedUpTo(session)));
  }

  #leave(record: MemoryRecord): void {
    const slot = slotKey(record);
    if (slot !== null && this.#slots.get(slot) === record.id) this.#slots.delete(slot);
    this.#partOf(record).remove(record);
  }

  #partOf(record: MemoryRecord): TermPart {
    const key = partKey(ownerKey(record), record.scope.namespace);
    const part = this.parts.get(key) ?? new TermPart(this.parts.size, this.#stem);
    this.parts.set(key, part);
    return part;
  }
}

const partKey = (owner: string, namespace: string): string => JSON.stringify([owner, namespace]);

const slotKey = (record: MemoryRecord): string | null => {
  const slot = slotOf(record);
  return slot === null ? null : JSON.stringify([ownerKey(record), record.scope.namespace, slot]);
};
