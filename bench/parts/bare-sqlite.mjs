import { DatabaseSync } from "node:sqlite";

/** One table and one prepared insert, as durable as Holdfast's own by default. */
export const openBare = (path) => {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
    CREATE TABLE events (id INTEGER PRIMARY KEY, sid INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
      header TEXT NOT NULL, salt BLOB, payload TEXT) STRICT;`);
  const insert = db.prepare(
    "INSERT INTO events (sid, position, hash, header, salt, payload) VALUES (?, ?, ?, ?, ?, ?)",
  );
  return { db, insert };
};

/** Stored events as rows of that table. */
export const rowsOf = (events) =>
  events.map(({ position, hash, header, salt, payload }) => [1, position, hash, header, salt, payload]);
