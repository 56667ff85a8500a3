export { createPostgresMemory, type PostgresMemoryOptions } from "./postgres/postgres-memory.ts";
export { createSqliteMemory, type SqliteMemoryOptions } from "./sqlite/sqlite-memory.ts";
export { createInMemoryMemory, type InMemoryMemoryOptions } from "./in-memory/in-memory-memory.ts";
export type { MemoryEmbedding } from "./embedding.ts";
export type { MemoryRanking } from "./rank-hits.ts";
export {
  exportMemory,
  type ExportMemoryOptions,
  type ImportedMemory,
  importMemory,
  type ImportMemoryOptions,
} from "./memory-lines.ts";
