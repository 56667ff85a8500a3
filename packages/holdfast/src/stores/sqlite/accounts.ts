import type { Account, AccountQuery, Reservation, Settlement } from "../../ports/journal-store.ts";
import type { Connection } from "./connection.ts";

const TAKE_RESERVATION = "DELETE FROM reservations WHERE id = ? AND account = ? RETURNING amount";
const PUT_RESERVATION = "INSERT INTO reservations (id, account, amount) VALUES (?, ?, ?)";
const ADD = `INSERT INTO accounts (account, total) VALUES (?1, ?2)
  ON CONFLICT (account) DO UPDATE SET total = total + ?2`;
const GET_TOTAL = "SELECT total FROM accounts WHERE account = ?";

/**
 * Settles, then reserves, so that what is given back counts. Answers false as soon as a limit would be
 * passed; the caller then undoes the commit (C15).
 */
export const moveAccounts = (
  connection: Connection,
  { settle, reserve }: { readonly settle: readonly Settlement[]; readonly reserve: readonly Reservation[] },
): boolean => {
  for (const { id, account, amount } of settle) {
    connection.run(ADD, account, amount - takeReservation(connection, id, account));
  }
  for (const { id, account, amount, limit } of reserve) {
    const change = amount - takeReservation(connection, id, account);
    const total = connection.get<{ total: number }>(GET_TOTAL, account)?.total ?? 0;
    if (total + change > limit) return false;
    connection.run(ADD, account, change);
    connection.run(PUT_RESERVATION, id, account, amount);
  }
  return true;
};

/** Removes a reservation and answers what it held; 0 when there is none. */
const takeReservation = (connection: Connection, id: string, account: string): number =>
  connection.get<{ amount: number }>(TAKE_RESERVATION, id, account)?.amount ?? 0;

const WITH_RESERVED = `SELECT a.account AS account, a.total AS total,
  coalesce((SELECT sum(r.amount) FROM reservations r WHERE r.account = a.account), 0) AS reserved FROM accounts a`;

/** Accounts by name, or a page of them by prefix. */
export const readAccounts = (connection: Connection, query: AccountQuery): readonly Account[] => {
  if ("names" in query) {
    return query.names.flatMap(
      (name) => connection.get<Account>(`${WITH_RESERVED} WHERE a.account = ?`, name) ?? [],
    );
  }
  const { after = "", prefix = "", limit } = query;
  return connection.all<Account>(
    `${WITH_RESERVED} WHERE a.account > ?1 AND substr(a.account, 1, length(?2)) = ?2 ORDER BY a.account LIMIT ?3`,
    after,
    prefix,
    limit,
  );
};
