import type { SQLInputValue } from "node:sqlite";
import { ConfigurationError } from "../../core/errors.ts";
import type { Timestamp } from "../../core/ids.ts";
import type {
  DueDutiesQuery,
  Duty,
  DutyChange,
  DutyKind,
  DutyPage,
  DutyQuery,
  NewDuty,
} from "../../ports/duty.ts";
import type { Connection } from "./connection.ts";
import { isWhole } from "./row-sums.ts";

type DutyRow = {
  readonly seq: number;
  readonly kind: DutyKind;
  readonly id: string;
  readonly assignee: string;
  readonly tenant: string | null;
  readonly lane: string | null;
  readonly place: number;
  readonly due_at: number | null;
  readonly revision: number;
  readonly body: string;
};

const COLUMNS = "seq, kind, id, assignee, tenant, lane, place, due_at, revision, body";
const ADD = `INSERT INTO duties (kind, id, assignee, tenant, lane, place, due_at, body, revision)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (kind, id) DO NOTHING`;
const CHANGE = `UPDATE duties SET assignee = ?, tenant = ?, lane = ?, place = ?, due_at = ?, body = ?,
  revision = revision + 1 WHERE kind = ? AND id = ? AND revision = ?`;
const REMOVE = "DELETE FROM duties WHERE kind = ? AND id = ? AND revision = ?";

/** Changes one duty as it was seen (C17). */
export const changeDuty = (connection: Connection, change: DutyChange): "ok" | "conflict" => {
  const { kind, duty, expect } = change;
  const isDone =
    kind === "remove"
      ? connection.run(REMOVE, duty.kind, duty.id, expect) === 1
      : expect === null
        ? addDuty(connection, duty)
        : replaceDuty(connection, duty, expect);
  return isDone ? "ok" : "conflict";
};

/** False when there is one already, which stays as it is (C19). */
export const addDuty = (connection: Connection, duty: NewDuty): boolean => {
  const { kind, id, assignee, tenant, lane, place, dueAt, body } = duty;
  return connection.run(ADD, kind, id, assignee, tenant, lane, place, dueAt, body) === 1;
};

const replaceDuty = (connection: Connection, duty: NewDuty, expect: number): boolean => {
  const { kind, id, assignee, tenant, lane, place, dueAt, body } = duty;
  return connection.run(CHANGE, assignee, tenant, lane, place, dueAt, body, kind, id, expect) === 1;
};

// One assignee at a time, so that the index gives the first without reading what comes after.
const IN_ORDER = `FROM duties AS d WHERE assignee = ? AND due_at IS NOT NULL AND (lane IS NULL OR NOT EXISTS (
    SELECT 1 FROM duties AS other WHERE other.lane = d.lane AND other.place < d.place AND other.due_at IS NOT NULL))`;
// J4: one that is not as it was written is left alone; `check` names it.
const DUE = `SELECT ${COLUMNS} ${IN_ORDER} AND due_at <= ? AND ${isWhole("duties")} ORDER BY due_at, seq LIMIT ?`;
const NEXT = `SELECT due_at AS at ${IN_ORDER} ORDER BY due_at LIMIT 1`;

/** Duties whose time has come, the longest due first (C18). */
export const dueDuties = (
  connection: Connection,
  { assignees, limit }: DueDutiesQuery,
  now: Timestamp,
): readonly Duty[] =>
  assignees
    .flatMap((assignee) => connection.all<DutyRow>(DUE, assignee, now, limit))
    .toSorted((left, right) => (left.due_at ?? 0) - (right.due_at ?? 0) || left.seq - right.seq)
    .slice(0, limit)
    .map(toDuty);

export const nextDuty = (connection: Connection, assignees: readonly string[]): Timestamp | null =>
  assignees.reduce<Timestamp | null>((least, assignee) => {
    const at = connection.get<{ at: number }>(NEXT, assignee)?.at ?? null;
    return least === null || (at !== null && at < least) ? at : least;
  }, null);

/** One page, from the newest duty to the oldest. */
export const listDuties = (connection: Connection, query: DutyQuery): DutyPage => {
  const conditions = ["seq < ?", "kind = ?"];
  const values: SQLInputValue[] = [parseCursor(query.cursor), query.kind];
  for (const name of ["id", "assignee", "tenant"] as const) {
    const wanted = query[name];
    if (wanted === undefined) continue;
    conditions.push(`${name} = ?`);
    values.push(wanted);
  }
  if (query.isOwed !== undefined) conditions.push(`due_at IS ${query.isOwed ? "NOT NULL" : "NULL"}`);
  const rows = connection.all<DutyRow>(
    `SELECT ${COLUMNS} FROM duties WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT ?`,
    ...values,
    query.limit + 1,
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    duties: page.map(toDuty),
    cursor: last !== undefined && rows.length > page.length ? String(last.seq) : null,
  };
};

const parseCursor = (cursor: string | undefined): number => {
  if (cursor === undefined) return Number.MAX_SAFE_INTEGER;
  const seq = Number(cursor);
  if (Number.isSafeInteger(seq)) return seq;
  throw new ConfigurationError("OPTION_INVALID", "The cursor is not one of ours.");
};

const toDuty = (row: DutyRow): Duty => {
  const { kind, id, assignee, tenant, lane, place, due_at: dueAt, body, revision } = row;
  return { kind, id, assignee, tenant, lane, place, dueAt, body, revision };
};
