import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strictEqual } from "node:assert/strict";
import { it } from "vitest";
import { ANN } from "./episode.fixture.ts";
import { createSqliteMemory } from "./sqlite-memory.ts";

const NOW = 1_700_000_000_000;

it("K10: a sweep of thousands lets others in between, and takes all of them", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-sweep-"));
  const memory = await createSqliteMemory({ dataDir });
  try {
    const scope = { ...ANN, session: null, namespace: "" };
    const remember = (count: number, expiresAt: number | null): Promise<unknown> =>
      memory.write({
        by: ANN,
        key: null,
        now: NOW,
        changes: Array.from({ length: count }, (_, at) => ({
          do: "add" as const,
          memory: { scope, kind: "episode" as const, text: `walk ${at}`, origin: "user" as const, expiresAt },
        })),
      });
    await remember(1_000, NOW);
    await remember(1_000, NOW);
    await remember(20, null);
    await remember(700, NOW);
    let isSwept = false;
    const sweeping = memory.sweep({ now: NOW }).then((gone) => {
      isSwept = true;
      return gone;
    });
    const hits = await memory.search({ viewer: ANN, text: "walk", now: NOW, limit: 200 });
    strictEqual(isSwept, false);
    strictEqual(hits.length, 20);
    strictEqual(await sweeping, 2_700);
    strictEqual((await memory.list({ reader: ANN, limit: 100 })).records.length, 20);
    strictEqual(await memory.sweep({ now: NOW }), 0);
  } finally {
    await memory.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
