import type { Reservation, Settlement } from "../../ports/journal-store.ts";
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
