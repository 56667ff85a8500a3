export {
  createInMemoryStore,
  createSqliteStore,
  inspectDataDir,
  type DataDirHolder,
  type DataDirReport,
  type InMemoryStore,
  type SqliteStoreOptions,
} from "./stores/index.ts";
export {
  createInMemoryMemory,
  createPostgresMemory,
  createSqliteMemory,
  exportMemory,
  type ExportMemoryOptions,
  type ImportedMemory,
  importMemory,
  type ImportMemoryOptions,
  type InMemoryMemoryOptions,
  type MemoryEmbedding,
  type MemoryRanking,
  type PostgresMemoryOptions,
  type SqliteMemoryOptions,
} from "./memory/index.ts";
