import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { ANN, episodeOf } from "./episode.fixture.ts";
import { createSqliteMemory } from "./sqlite-memory.ts";

const PROGRAM = fileURLToPath(new URL("./memory-process.fixture.ts", import.meta.url));

const folder = (): string => {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-memory-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
};

const open = async (dataDir: string): Promise<MemoryStore> => {
  const memory = await createSqliteMemory({ dataDir });
  onTestFinished(() => memory.close());
  return memory;
};

/** Another process that remembers, with what it was answered. */
const starting = (dataDir: string, name: string, count: number) => {
  const child: ChildProcess = fork(PROGRAM, [dataDir, name, String(count)], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const answered: string[] = [];
  const { promise: reached, resolve } = Promise.withResolvers<null>();
  child.on("message", (told: string) => {
    answered.push(told);
    if (answered.length === 20) resolve(null);
  });
  return { child, answered, reached, ended: once(child, "exit") };
};

const textsIn = async (memory: MemoryStore): Promise<readonly string[]> => {
  const texts: string[] = [];
  let cursor: string | null = null;
  do {
    const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
    const page = await memory.list({ reader: ANN, limit: 1_000, ...from });
    texts.push(...page.records.map(({ text }) => text));
    cursor = page.cursor;
  } while (cursor !== null);
  return texts;
};

/** Every record is in the index as often as it is there, and nothing else is. */
const expectSound = (dataDir: string): void => {
  const db = new DatabaseSync(join(dataDir, "memory.db"));
  const get = (sql: string): unknown => Object.values(db.prepare(sql).get() ?? {})[0];
  expect(get("PRAGMA integrity_check")).toBe("ok");
  const current = get("SELECT count(*) FROM records WHERE is_current = 1");
  expect(get("SELECT coalesce(sum(count), 0) FROM parts")).toBe(current);
  db.close();
};

describe("a memory in SQLite", () => {
  it("K4, K5 has whole batches, all that were answered, and none twice, after kill -9 while it writes", async () => {
    const dataDir = folder();
    const answered: string[] = [];
    for (const name of ["one", "two", "three", "four"]) {
      const writer = starting(dataDir, name, 10_000);
      await writer.reached;
      writer.child.kill("SIGKILL");
      await writer.ended;
      answered.push(...writer.answered);
    }
    const memory = await open(dataDir);
    const texts = await textsIn(memory);
    expect(texts).toEqual([...new Set(texts)]);
    for (const name of answered) {
      expect(texts).toContain(`cause of ${name}`);
      expect(texts).toContain(`effect of ${name}`);
    }
    const causes = texts.filter((text) => text.startsWith("cause"));
    expect(texts).toHaveLength(2 * causes.length);
    // At most the one under way was done and not told.
    expect(causes.length - answered.length).toBeLessThanOrEqual(4);
    for (const name of answered) await memory.write(episodeOf(name));
    expect(await textsIn(memory)).toHaveLength(texts.length);
    expectSound(dataDir);
  });

  it("K4, K5 is written by three processes at once, which do the same batches once", async () => {
    const dataDir = folder();
    const writers = ["same", "same", "other"].map((name) => starting(dataDir, name, 100));
    const codes = await Promise.all(writers.map(({ ended }) => ended));
    expect(codes.map(([code]) => code as unknown)).toEqual([0, 0, 0]);
    const memory = await open(dataDir);
    expect(await textsIn(memory)).toHaveLength(400);
    const hits = await memory.search({
      viewer: ANN,
      text: "effect of other 77",
      now: 1_800_000_000_000,
      limit: 1,
    });
    expect(hits[0]?.record.text).toBe("effect of other 77");
    expectSound(dataDir);
  });

  it("takes ten thousand writes that nobody waited for", async () => {
    const dataDir = folder();
    const memory = await open(dataDir);
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, (_, at) => memory.write(episodeOf(String(at % 5_000)))),
    );
    expect(answers.flat().every(({ status }) => status === "added")).toBe(true);
    expect(await textsIn(memory)).toHaveLength(10_000);
    expect(await memory.erase({ tenant: null, user: "ann" })).toBe(10_000);
    expect(readFileSync(join(dataDir, "memory.db"), "latin1")).not.toContain("effect of");
    expectSound(dataDir);
  });

  it("K10 does not answer an erasure while another process reads the log it was in", async () => {
    const dataDir = folder();
    const memory = await open(dataDir);
    await memory.write(episodeOf("first"));
    const reader = new DatabaseSync(join(dataDir, "memory.db"));
    onTestFinished(() => reader.close());
    reader.exec("BEGIN; SELECT count(*) FROM records");
    const erased = memory.erase({ tenant: null, user: "ann" });
    const written = memory.write({ ...episodeOf("second"), by: { ...ANN, user: null }, changes: [] });
    await expect(erased).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await written).toEqual([]);
    reader.exec("ROLLBACK");
    expect(await memory.erase({ tenant: null, user: "ann" })).toBe(0);
    expect(readFileSync(join(dataDir, "memory.db"), "latin1")).not.toContain("of first");
    expect(readFileSync(join(dataDir, "memory.db-wal"), "latin1")).not.toContain("of first");
  });

  it("says what is wrong with a file that is none of its own, and leaves it as it is", async () => {
    const rubbish = folder();
    writeFileSync(join(rubbish, "memory.db"), "rubbish ".repeat(2_000));
    await expect(createSqliteMemory({ dataDir: rubbish })).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    expect(readFileSync(join(rubbish, "memory.db"), "utf8")).toBe("rubbish ".repeat(2_000));
    const foreign = folder();
    const db = new DatabaseSync(join(foreign, "memory.db"));
    db.exec("CREATE TABLE theirs (x)");
    db.close();
    await expect(createSqliteMemory({ dataDir: foreign })).rejects.toMatchObject({
      code: "STORE_FORMAT_UNSUPPORTED",
    });
    const blocked = folder();
    mkdirSync(join(blocked, "memory.db"));
    await expect(createSqliteMemory({ dataDir: blocked })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    for (const options of [{}, { dataDir: blocked, path: "x" }])
      await expect(createSqliteMemory(options)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  it("says that it is damaged when its file was cut, and that it is closed when it is", async () => {
    const dataDir = folder();
    const memory = await open(dataDir);
    await Promise.all(Array.from({ length: 200 }, (_, at) => memory.write(episodeOf(String(at)))));
    await memory.close();
    await expect(textsIn(memory)).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
    const path = join(dataDir, "memory.db");
    truncateSync(path, Math.floor(statSync(path).size / 2));
    const looking = createSqliteMemory({ dataDir }).then(async (cut) => {
      onTestFinished(() => cut.close());
      return textsIn(cut);
    });
    await expect(looking).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });
});
