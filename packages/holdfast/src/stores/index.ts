export { createInMemoryStore, type InMemoryStore } from "./in-memory/in-memory-store.ts";
export { createSqliteStore, type SqliteStoreOptions } from "./sqlite/sqlite-store.ts";
export { inspectDataDir, type DataDirHolder, type DataDirReport } from "./sqlite/inspect-data-dir.ts";
export { copiesIn } from "./sqlite/migrate.ts";
