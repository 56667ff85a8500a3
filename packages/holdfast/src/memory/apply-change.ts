import { assertNever } from "../core/errors.ts";
import type { Position, SessionId } from "../core/ids.ts";
import type {
  MemoryAnswer,
  MemoryBatch,
  MemoryChange,
  MemoryReader,
  MemoryRecord,
  MemoryRevision,
  MemorySource,
  NewMemory,
} from "../ports/memory-store.ts";
import { digest, saysTheSame, slotOf } from "./memory-slot.ts";
import { isWithin, ownerKey, ownersSeenBy } from "./scope-key.ts";

/** The records of one tenant, within a transaction. */
export interface MemoryTable {
  find(id: string): MemoryRecord | undefined;
  /** The current record with this slot among those of an owner and namespace. */
  current(owner: string, namespace: string, slot: string): MemoryRecord | undefined;
  /** Stores a record, in place of one with its id. */
  put(record: MemoryRecord): void;
  remove(record: MemoryRecord): void;
  /** Another number each time. */
  count(): number;
  /** What was said in a session up to there is not taken any more (K10); -1 where all is. */
  erasedUpTo(session: SessionId): Position;
}

type Doing = { readonly table: MemoryTable; readonly batch: MemoryBatch; readonly index: number };

/** Does one change of a batch that was checked, and says what came of it. */
export const applyChange = (change: MemoryChange, doing: Doing): MemoryAnswer => {
  const source = sourceOf(change);
  // guard J4: who was late brings back nothing that was erased (K10)
  if (source !== null && source.position <= doing.table.erasedUpTo(source.sessionId))
    return { status: "erased" };
  switch (change.do) {
    case "add":
      return add(change.memory, doing);
    case "supersede":
    case "correct":
      return revise(change, doing);
    case "promote":
      return promote(change.id, doing);
    case "forget":
      return forget(change.id, doing);
    case "import":
      return bringIn(change.record, doing);
    default:
      return assertNever(change);
  }
};

const sourceOf = (change: MemoryChange): MemorySource | null => {
  if (change.do === "add") return change.memory.source ?? null;
  return change.do === "supersede" || change.do === "correct" ? (change.source ?? null) : null;
};

/** Whether a record is one of the reader's (K1, K2, K8). The tenant is the table's. */
export const isSeenBy = (reader: MemoryReader, record: MemoryRecord): boolean =>
  "operatorOf" in reader || ownersSeenBy(reader).includes(ownerKey(record));

const seen = (id: string, { table, batch }: Doing): MemoryRecord | undefined => {
  const found = table.find(id);
  return found !== undefined && isSeenBy(batch.by, found) ? found : undefined;
};

/** The id says nothing of the record, and is the same when a batch with a key is done again (K5). */
const newId = ({ table, batch, index }: Doing): string => {
  const seed = batch.key === null ? ["once", table.count(), batch.now] : [batch.by, batch.key];
  for (let attempt = 0; ; attempt += 1) {
    const id = `mem_${digest([...seed, index, attempt])}`;
    if (table.find(id) === undefined) return id;
  }
};

const add = (memory: NewMemory, doing: Doing): MemoryAnswer => {
  const { by, now } = doing.batch;
  if (!("operatorOf" in by) && !isWithin(memory.scope, by)) return { status: "refused" };
  const { isTrusted, ...fields } = memory;
  const record: MemoryRecord = {
    id: newId(doing),
    ...fields,
    subject: memory.subject ?? null,
    context: memory.context ?? null,
    source: memory.source ?? null,
    confidence: memory.confidence ?? 1,
    trust: isTrusted === false ? "quarantined" : "trusted",
    seenAt: memory.seenAt ?? now,
    validFrom: memory.validFrom ?? null,
    validTo: memory.validTo ?? null,
    expiresAt: memory.expiresAt ?? null,
    supersedes: null,
    revision: "first",
    supersededBy: null,
  };
  return takePlace(record, doing);
};

/** Puts a record where another may be that it contradicts (K6). */
const takePlace = (record: MemoryRecord, { table, batch }: Doing): MemoryAnswer => {
  const slot = slotOf(record);
  const held = slot === null ? undefined : table.current(ownerKey(record), record.scope.namespace, slot);
  if (held === undefined || held.id === record.id) {
    table.put(record);
    return { status: "added", id: record.id, trust: record.trust };
  }
  if (saysTheSame(held.text, record.text)) return { status: "known", id: held.id };
  if (held.seenAt > record.seenAt) return { status: "stale", id: held.id };
  const validTo = held.validTo ?? record.validFrom ?? batch.now;
  table.put({ ...held, supersededBy: record.id, validTo });
  table.put({ ...record, supersedes: held.id, revision: "superseding" });
  return { status: "superseded", id: record.id, old: held.id };
};

const revise = (
  change: { readonly do: "supersede" | "correct"; readonly id: string } & MemoryRevision,
  doing: Doing,
): MemoryAnswer => {
  const { table, batch } = doing;
  const old = seen(change.id, doing);
  if (old === undefined) return { status: "missing" };
  if (old.supersededBy !== null) return { status: "stale", id: currentOf(old, table).id };
  if (change.isTrusted === false && old.trust === "trusted") return { status: "refused" };
  if (saysTheSame(old.text, change.text)) return { status: "known", id: old.id };
  const isNew = change.do === "supersede";
  const record: MemoryRecord = {
    ...old,
    id: newId(doing),
    text: change.text,
    context: null,
    origin: change.origin,
    source: change.source ?? old.source,
    seenAt: batch.now,
    validFrom: isNew ? batch.now : old.validFrom,
    validTo: isNew ? null : old.validTo,
    supersedes: old.id,
    revision: isNew ? "superseding" : "correcting",
  };
  const slot = slotOf(record);
  const held = slot === null ? undefined : table.current(ownerKey(record), record.scope.namespace, slot);
  // What it would say is said already, by another: that one stays, and this one is no more.
  if (held !== undefined && held.id !== old.id) {
    removeChain(old, table);
    return { status: "known", id: held.id };
  }
  table.put({
    ...old,
    supersededBy: record.id,
    validTo: isNew ? (old.validTo ?? batch.now) : old.validTo,
  });
  table.put(record);
  return { status: "superseded", id: record.id, old: old.id };
};

const currentOf = (record: MemoryRecord, table: MemoryTable): MemoryRecord =>
  chainOf(record, table).at(-1) ?? record;

/** A record with those before and after it, the oldest first (K7). */
export const chainOf = (record: MemoryRecord, table: Pick<MemoryTable, "find">): readonly MemoryRecord[] => {
  const chain = new Map([[record.id, record]]);
  const before: MemoryRecord[] = [];
  const after: MemoryRecord[] = [];
  const walk = (way: "supersedes" | "supersededBy", into: MemoryRecord[]): void => {
    for (let id = record[way]; id !== null && !chain.has(id); id = into.at(-1)?.[way] ?? null) {
      const next = table.find(id);
      if (next === undefined) return;
      chain.set(id, next);
      into.push(next);
    }
  };
  walk("supersedes", before);
  walk("supersededBy", after);
  return [...before.toReversed(), record, ...after];
};

const removeChain = (record: MemoryRecord, table: MemoryTable): readonly string[] => {
  const chain = chainOf(record, table);
  for (const each of chain) table.remove(each);
  return chain.map(({ id }) => id);
};

const forget = (id: string, doing: Doing): MemoryAnswer => {
  const record = seen(id, doing);
  if (record === undefined) return { status: "missing" };
  return { status: "forgotten", ids: removeChain(record, doing.table) };
};

/** From here on it is seen by everybody of its scope, and takes the place that it would have taken at once (K8). */
const promote = (id: string, doing: Doing): MemoryAnswer => {
  const { table, batch } = doing;
  if (!("operatorOf" in batch.by)) return { status: "refused" };
  const record = seen(id, doing);
  if (record === undefined) return { status: "missing" };
  if (record.supersededBy !== null) return { status: "stale", id: currentOf(record, table).id };
  if (record.trust === "trusted") return { status: "known", id };
  // Those before it were quarantined too, and stay behind.
  for (const each of chainOf(record, table)) if (each.id !== id) table.remove(each);
  const promoted: MemoryRecord = { ...record, trust: "trusted", supersedes: null, revision: "first" };
  const answer = takePlace(promoted, doing);
  if (answer.status === "known" || answer.status === "stale") {
    table.remove(record);
    return answer;
  }
  return { status: "promoted", id };
};

const bringIn = (record: MemoryRecord, { table, batch }: Doing): MemoryAnswer => {
  if (!("operatorOf" in batch.by)) return { status: "refused" };
  if (table.find(record.id) !== undefined) return { status: "known", id: record.id };
  const scope = { ...record.scope, tenant: batch.by.operatorOf };
  const imported = { ...record, scope };
  if (record.supersededBy === null) {
    const slot = slotOf(imported);
    const held = slot === null ? undefined : table.current(ownerKey(imported), scope.namespace, slot);
    if (held !== undefined && saysTheSame(held.text, record.text)) return { status: "known", id: held.id };
    if (held !== undefined) return { status: "stale", id: held.id };
  }
  table.put(imported);
  return { status: "added", id: record.id, trust: record.trust };
};
