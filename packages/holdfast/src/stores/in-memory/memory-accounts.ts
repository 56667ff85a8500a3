import type { Account, AccountQuery } from "../../ports/journal-store.ts";
import type { MemoryData } from "./memory-data.ts";

/** Accounts by name, or a page of them by prefix. */
export const readAccounts = (data: MemoryData, query: AccountQuery): readonly Account[] => {
  const names = "names" in query ? query.names : pageOf(data, query);
  return names.flatMap((account) => {
    const total = data.accounts.get(account);
    return total === undefined ? [] : [{ account, total, reserved: reservedIn(data, account) }];
  });
};

const pageOf = (
  { accounts }: MemoryData,
  { limit, after = "", prefix = "" }: Exclude<AccountQuery, { readonly names: unknown }>,
): readonly string[] =>
  [...accounts.keys()]
    .filter((account) => account > after && account.startsWith(prefix))
    .toSorted()
    .slice(0, limit);

const reservedIn = ({ reservations }: MemoryData, account: string): number => {
  let sum = 0;
  for (const [key, amount] of reservations) if (key.endsWith(`\n${account}`)) sum += amount;
  return sum;
};
