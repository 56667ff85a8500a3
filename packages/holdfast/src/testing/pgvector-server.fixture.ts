import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { freePort } from "../definitions/free-port.fixture.ts";

export type PgvectorServer = {
  readonly url: string;
  /** Asks as its superuser. */
  ask(sql: string): Promise<readonly unknown[]>;
  stop(): Promise<void>;
};

/** A Postgres in WebAssembly that has pgvector at hand and not yet in its database; whoever connects is in the same session, one transaction after another. */
export const startPgvector = async (): Promise<PgvectorServer> => {
  const db = await PGlite.create({ extensions: { vector } });
  const port = await freePort();
  const server = new PGLiteSocketServer({ db, port, host: "127.0.0.1", maxConnections: 20 });
  await server.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    ask: async (sql) => (await db.exec(sql)).at(-1)?.rows ?? [],
    stop: async () => {
      await server.stop();
      await db.close();
    },
  };
};
