import type { Position, SessionId } from "../../core/ids.ts";
import type { MemoryRecord } from "../../ports/memory-store.ts";
import type { MemoryTable } from "../apply-change.ts";
import type { Fetched } from "../fetched.ts";
import { slotOf } from "../memory-slot.ts";
import { ownerKey } from "../scope-key.ts";
import type { StoredRecord } from "./record-rows.ts";
import { slotKey } from "./slot-key.ts";

/** What is to become of a record: what was stored of it, and what is to be. */
export type Change = {
  readonly before: StoredRecord | undefined;
  readonly after: { readonly record: MemoryRecord; readonly number: number; readonly chain: string } | null;
};

/** What is fetched of a tenant: records by their ids, ids by their slots, and up to where sessions were erased. */
export type Loaded = {
  readonly byId: Fetched<StoredRecord>;
  readonly bySlot: Fetched<string>;
  readonly erasedUpTo: Fetched<Position>;
};

/** The records of one tenant as a batch sees and changes them, before any of it is written. */
export class LoadedTable implements MemoryTable {
  readonly #byId: Fetched<StoredRecord>;
  readonly #bySlot: Fetched<string>;
  readonly #erasedUpTo: Fetched<Position>;
  readonly #changes = new Map<string, Change>();
  readonly #slots = new Map<string, string | null>();
  #count: number;

  /** @param count - The last number that was given. */
  constructor({ byId, bySlot, erasedUpTo }: Loaded, count: number) {
    this.#byId = byId;
    this.#bySlot = bySlot;
    this.#erasedUpTo = erasedUpTo;
    this.#count = count;
  }

  get changes(): readonly Change[] {
    return [...this.#changes.values()];
  }

  /** The last number that was given. */
  get lastNumber(): number {
    return this.#count;
  }

  find(id: string): MemoryRecord | undefined {
    return this.#entry(id)?.record;
  }

  current(owner: string, namespace: string, slot: string): MemoryRecord | undefined {
    const key = slotKey(owner, namespace, slot);
    const id = this.#slots.has(key) ? this.#slots.get(key) : this.#bySlot.get(key);
    return typeof id === "string" ? this.find(id) : undefined;
  }

  put(record: MemoryRecord): void {
    const { id, supersedes } = record;
    const before = this.#entry(id);
    if (before !== undefined) this.#leaveSlot(before.record);
    const number = before?.number ?? this.count();
    const chain = (supersedes === null ? undefined : this.#entry(supersedes)?.chain) ?? before?.chain ?? id;
    this.#changes.set(id, { before: this.#byId.get(id), after: { record, number, chain } });
    const key = keyOf(record);
    if (key !== null) this.#slots.set(key, id);
  }

  remove(record: MemoryRecord): void {
    const before = this.#entry(record.id);
    if (before === undefined) return;
    this.#leaveSlot(before.record);
    this.#changes.set(record.id, { before: this.#byId.get(record.id), after: null });
  }

  erasedUpTo(session: SessionId): Position {
    return this.#erasedUpTo.get(session) ?? -1;
  }

  count(): number {
    return (this.#count += 1);
  }

  #entry(id: string): NonNullable<Change["after"]> | undefined {
    const change = this.#changes.get(id);
    return change === undefined ? this.#byId.get(id) : (change.after ?? undefined);
  }

  #leaveSlot(record: MemoryRecord): void {
    const key = keyOf(record);
    if (key !== null && this.current(...slotArguments(record))?.id === record.id) this.#slots.set(key, null);
  }
}

const slotArguments = (record: MemoryRecord): [string, string, string] => [
  ownerKey(record),
  record.scope.namespace,
  slotOf(record) ?? "",
];

const keyOf = (record: MemoryRecord): string | null =>
  record.supersededBy !== null || slotOf(record) === null ? null : slotKey(...slotArguments(record));
