import { StoreError } from "../../core/errors.ts";
import type { MemoryPool, MemoryQuery } from "./memory-pool.ts";

/** What pgvector's type and its operator for the inner product are called in SQL here, and the type's number. */
export type ServerVectors = { readonly type: string; readonly product: string; readonly oid: number };

/**
 * Null where the table has no room for them, or they are not for this role. It is asked in each transaction: an extension comes and goes
 * while processes run.
 */
export const serverVectors = async (query: MemoryQuery): Promise<ServerVectors | null> => {
  const [found] = await query<{ schema: string; oid: number }>(
    `SELECT quote_ident(spaces.nspname) AS schema, types.oid::bigint AS oid FROM pg_attribute columns
      JOIN pg_type types ON types.oid = columns.atttypid JOIN pg_namespace spaces ON spaces.oid = types.typnamespace
      WHERE columns.attrelid = '@vectors'::regclass AND columns.attname = 'near' AND NOT columns.attisdropped
        AND has_schema_privilege(spaces.oid, 'USAGE')`,
  );
  if (found === undefined) return null;
  const { schema, oid } = found;
  return { type: `${schema}.vector`, product: `OPERATOR(${schema}.<#>)`, oid };
};

/**
 * Gives the table room for them, where the database has pgvector and the table is this role's to change. Where that cannot be done now, it
 * is left to the next that opens the memory: nothing needs it.
 */
export const welcomeVectors = async (pool: MemoryPool): Promise<void> => {
  try {
    await pool.alter(makeRoom);
  } catch (thrown) {
    const code = thrown instanceof StoreError ? thrown.failure.details?.["code"] : undefined;
    if (typeof code !== "string" || !NOT_NOW.has(code)) throw thrown;
  }
};

/** Others hold the table; it is not allowed; the extension has gone in between. */
const NOT_NOW: ReadonlySet<string> = new Set(["55P03", "42501", "3F000", "42704"]);

const makeRoom = async (query: MemoryQuery): Promise<void> => {
  const [found] = await query<{ schema: string }>(
    `SELECT quote_ident(spaces.nspname) AS schema FROM pg_class tables
      JOIN pg_extension extensions ON extensions.extname = 'vector'
      JOIN pg_namespace spaces ON spaces.oid = extensions.extnamespace
      WHERE tables.oid = '@vectors'::regclass AND pg_has_role(tables.relowner, 'USAGE')
        AND has_schema_privilege(spaces.oid, 'USAGE')`,
  );
  if (found === undefined || (await serverVectors(query)) !== null) return;
  await query("SET LOCAL lock_timeout TO '2s'");
  await query(`ALTER TABLE @vectors ADD COLUMN IF NOT EXISTS near ${found.schema}.vector`);
};

/** As `vector_recv` of pgvector reads it: how many, 16 bits that are nothing, and the numbers, the highest byte first. */
export const vectorMessage = (vector: Float32Array): Buffer => {
  const message = Buffer.alloc(4 + 4 * vector.length);
  message.writeUInt16BE(vector.length, 0);
  vector.forEach((value, at) => message.writeFloatBE(value, 4 + 4 * at));
  return message;
};

/**
 * As `array_recv` of Postgres reads an array of one dimension: dimensions, whether anything is null, the elements' type,
 * how many, the first index; then each with its length before it.
 */
export const vectorsMessage = (vectors: readonly Float32Array[], { oid }: ServerVectors): Buffer => {
  const head = Buffer.alloc(20);
  [1, 0, oid, vectors.length, 1].forEach((value, at) => head.writeUInt32BE(value, 4 * at));
  const elements = vectors.flatMap((vector) => {
    const message = vectorMessage(vector);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(message.byteLength);
    return [length, message];
  });
  return Buffer.concat([head, ...elements]);
};
