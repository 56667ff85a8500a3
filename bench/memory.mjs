/**
 * `node --conditions=holdfast-source bench/memory.mjs`: what it costs to remember and to recall, in a database on this disk.
 *
 * `--records 100000` says how many there are, `--users 1` how many share them, `--queries 400` how often each kind of query is asked. With
 * `--records 1000000 --users 1000` it takes up to an hour and 2 GB of disk. `--postgres postgres://…` asks that server instead, in
 * a schema of its own that is left there. `--dimensions 384` gives each text a vector of so many numbers, drawn by chance from the text.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { createPostgresMemory, createSqliteMemory } from "holdfast/stores";
import { seeded, wordsOf } from "./memory/words.mjs";

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const records = option("records", 100_000);
const users = option("users", 1);
const queries = option("queries", 400);
const dimensions = option("dimensions", 0);

const NOW = 1_700_000_000_000;
const BATCH = 500;
const work = join(import.meta.dirname, ".work");
mkdirSync(work, { recursive: true });
const dataDir = mkdtempSync(join(work, "memory-"));
const chance = seeded(7);
const word = wordsOf(chance);
const textOf = () => Array.from({ length: 12 + chance(10) }, word).join(" ");
const scopeOf = (user) => ({ tenant: "acme", user, agent: null, session: null, namespace: "" });
const viewerOf = (user) => ({ tenant: "acme", user, agent: null, session: "ses_1" });

/** So many of so many times. */
const quantile = (times, part) =>
  times.toSorted((one, other) => one - other)[Math.floor(times.length * part)] ?? 0;
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

const timed = async (times, ask) => {
  const many = [];
  for (let at = 0; at < times; at += 1) {
    const before = performance.now();
    await ask(at);
    many.push(performance.now() - before);
  }
  return many;
};

const told = [];
const tell = (what, times) =>
  told.push([what, ms(quantile(times, 0.5)), ms(quantile(times, 0.95)), ms(quantile(times, 0.99))]);

const vectorOf = (text) => {
  const random = seeded([...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7));
  return Array.from({ length: dimensions }, () => random(2_001) / 1_000 - 1);
};
const embedding = { model: "by-chance", embed: async (texts) => texts.map(vectorOf) };
const found = dimensions === 0 ? {} : { embedding };

const at = process.argv.indexOf("--postgres");
const memory = await (at < 0
  ? createSqliteMemory({ dataDir, ...found })
  : createPostgresMemory({ url: process.argv[at + 1] ?? "", schema: `bench_${process.pid}`, ...found }));
try {
  const kept = [];
  const begin = performance.now();
  for (let from = 0; from < records; from += BATCH) {
    const changes = Array.from({ length: Math.min(BATCH, records - from) }, () => {
      const user = `user ${chance(users)}`;
      const text = textOf();
      if (chance(Math.ceil(records / 2_000)) === 0) kept.push({ user, text });
      return { do: "add", memory: { scope: scopeOf(user), kind: "fact", text, origin: "user" } };
    });
    await memory.write({ by: { operatorOf: "acme" }, key: null, now: NOW, changes });
  }
  const ingestMs = performance.now() - begin;
  const bytes = readdirSync(dataDir).reduce((sum, name) => sum + statSync(join(dataDir, name)).size, 0);

  const someOf = (text, count) => {
    const words = text.split(" ");
    return Array.from({ length: count }, () => words[chance(words.length)]).join(" ");
  };
  const search = (pick, count) => async () => {
    const { user, text } = kept[chance(kept.length)];
    return memory.search({ viewer: viewerOf(user), text: pick(someOf(text, count)), now: NOW });
  };
  const same = (text) => text;
  const mistyped = (text) => text.replaceAll(/(\w{3})\w(\w*)/g, "$1$2");
  // Until it is compiled.
  await timed(50, search(same, 6));
  tell("recall, 6 words", await timed(queries, search(same, 6)));
  tell("recall, 20 words", await timed(queries, search(same, 20)));
  tell("recall, 6 words with typing errors", await timed(queries, search(mistyped, 6)));
  tell(
    "remember one, on disk",
    await timed(100, async (at) => {
      const user = `user ${chance(users)}`;
      const added = { scope: scopeOf(user), kind: "fact", text: textOf(), origin: "model" };
      const change = { do: "add", memory: added };
      return memory.write({ by: viewerOf(user), key: `call ${at}`, now: NOW, changes: [change] });
    }),
  );
  if (users > 1)
    tell("erase one user", await timed(1, () => memory.erase({ tenant: "acme", user: "user 0" })));

  process.stdout.write(
    [
      `${records.toLocaleString("en")} records of ${users.toLocaleString("en")} users, some 17 words each`,
      `ingest: ${(ingestMs / records).toFixed(3)} ms a record in batches of ${BATCH}; ${Math.round(bytes / records)} bytes a record on disk`,
      `resident memory: ${Math.round(process.memoryUsage.rss() / 1e6)} MB`,
      "",
      "| | p50 | p95 | p99 |",
      "|---|---|---|---|",
      ...told.map((row) => `| ${row.join(" | ")} |`),
      "",
    ].join("\n"),
  );
} finally {
  await memory.close();
  rmSync(dataDir, { recursive: true, force: true });
}
