import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { findPostgres, startPostgres } from "../testing/postgres-server.fixture.ts";
import { createInMemoryMemory } from "./in-memory/in-memory-memory.ts";
import { memoryStep, playSteps } from "./memory-steps.fixture.ts";
import { createPostgresMemory } from "./postgres/postgres-memory.ts";
import { createSqliteMemory } from "./sqlite/sqlite-memory.ts";

it("the memory in SQLite answers what the one in memory answers, whatever is done to both", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-memory-"));
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(memoryStep, { minLength: 5, maxLength: 40 }), async (steps) => {
        const path = mkdtempSync(join(dataDir, "one-"));
        const fresh = await createSqliteMemory({ dataDir: path });
        try {
          expect(await playSteps(fresh, steps)).toEqual(await playSteps(createInMemoryMemory(), steps));
        } finally {
          await fresh.close();
        }
      }),
      { numRuns: 40 },
    );
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

const programs = await findPostgres();

// Skipped where npm brings no Postgres for this machine.
it.skipIf(programs === null)("so does the memory in Postgres", { timeout: 120_000 }, async () => {
  if (programs === null) return;
  const server = await startPostgres(programs);
  const url = `postgres://postgres:postgres@127.0.0.1:${server.port}/shop`;
  let runs = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(memoryStep, { minLength: 5, maxLength: 40 }), async (steps) => {
        const memory = await createPostgresMemory({ url, schema: `run_${(runs += 1)}`, maxConnections: 1 });
        try {
          expect(await playSteps(memory, steps)).toEqual(await playSteps(createInMemoryMemory(), steps));
        } finally {
          await memory.close();
        }
      }),
      { numRuns: 25 },
    );
  } finally {
    await server.stop();
  }
});
