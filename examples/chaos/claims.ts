/** The claims that are to be settled, and what is right for each. */
import { DatabaseSync } from "node:sqlite";

/** How much of a price is paid back, as the page of the policy says, in percent. */
export const PERCENT = 80;

/** What a euro is worth in dollars, as the service of rates says. */
export const DOLLARS = 1.1;

/** Price of what a claim is about, in cents of a euro. */
export const priceOf = (claim: number): number => 1_000 + ((claim * 7_919) % 9_000);

/** What is to be paid for a claim, in cents of a dollar. */
export const payoutOf = (claim: number): number => Math.round(((priceOf(claim) * PERCENT) / 100) * DOLLARS);

/** Makes the database of claims in a file. */
export const makeClaims = (file: string, count: number): void => {
  const database = new DatabaseSync(file);
  database.exec(
    "CREATE TABLE claims (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL, currency TEXT NOT NULL)",
  );
  database.exec("BEGIN");
  const insert = database.prepare("INSERT INTO claims VALUES (?, ?, 'EUR')");
  for (let claim = 1; claim <= count; claim += 1) insert.run(claim, priceOf(claim));
  database.exec("COMMIT");
  database.close();
};
