import type { MemoryAnswer, MemoryBatch, MemoryErasure } from "../../ports/memory-store.ts";
import { digest } from "../memory-slot.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import { keyDigest, nameDigest } from "./name-digest.ts";

/** What a batch with this key was answered (K5); undefined when it was not done yet. */
export const answeredBefore = async (
  query: MemoryQuery,
  { by, key }: MemoryBatch,
): Promise<readonly MemoryAnswer[] | undefined> => {
  if (key === null) return undefined;
  const [row] = await query<{ changes: number; answers: string | null }>(
    "SELECT changes, answers FROM @answers WHERE key = $1",
    digest([by, key]),
  );
  if (row === undefined) return undefined;
  if (row.answers !== null) return JSON.parse(row.answers) as readonly MemoryAnswer[];
  return Array.from({ length: row.changes }, () => ({ status: "erased" as const }));
};

export const keepAnswers = async (
  query: MemoryQuery,
  { by, key, now }: MemoryBatch,
  answers: readonly MemoryAnswer[],
): Promise<void> => {
  if (key === null) return;
  const isOperator = "operatorOf" in by;
  await query(
    `INSERT INTO @answers (key, tenant, user_name, session, at, changes, answers) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    digest([by, key]),
    keyDigest(isOperator ? by.operatorOf : by.tenant),
    isOperator ? null : nameDigest(by.user),
    isOperator ? null : nameDigest(by.session),
    now,
    answers.length,
    JSON.stringify(answers),
  );
};

/** What was answered is gone, and whom; that it was stays, so that it is not done again (K5). */
export const eraseAnswers = async (query: MemoryQuery, what: MemoryErasure): Promise<void> => {
  const clear = "UPDATE @answers SET answers = NULL, user_name = NULL, session = NULL WHERE tenant = $1";
  const tenant = keyDigest(what.tenant);
  if ("user" in what) await query(`${clear} AND user_name = $2`, tenant, keyDigest(what.user));
  else if ("session" in what) await query(`${clear} AND session = $2`, tenant, keyDigest(what.session));
  else await query(clear, tenant);
};
