import { mkdtempSync, rmSync, statSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MemoryConnection } from "../packages/holdfast/src/memory/sqlite/memory-connection.ts";
import { MemoryDatabase } from "../packages/holdfast/src/memory/sqlite/memory-database.ts";
import { USUAL_RANKING } from "../packages/holdfast/src/memory/rank-hits.ts";
import { checkBatch } from "../packages/holdfast/src/memory/check-batch.ts";
const N = Number(process.argv[2] ?? 20000), USERS = Number(process.argv[3] ?? 1);
let s = 7; const rnd = (n) => (s = (s * 48271) % 2147483647) % n;
const zipf = () => Math.floor(Math.exp((rnd(1e6) / 1e6) * Math.log(30000)));
const word = (i) => { let w = ""; let x = i * 7919 + 13; do { w += "bdfgklmnprstvz"[x % 14] + "aeiou"[(x >> 4) % 5]; x = Math.floor(x / 37); } while (x > 0); return w; };
const text = () => Array.from({ length: 12 + rnd(10) }, () => word(zipf())).join(" ");
const dataDir = mkdtempSync(join(import.meta.dirname, ".probe-"));
const db = new MemoryConnection(join(dataDir, "memory.db"));
const memory = new MemoryDatabase(db, USUAL_RANKING);
const cpu0 = process.cpuUsage(); let t = performance.now(); const texts = [];
for (let i = 0; i < N; i += 500) {
  const changes = Array.from({ length: 500 }, () => { const x = text(); if (rnd(50) === 0) texts.push(x); return { do: "add", memory: { scope: { tenant: "acme", user: `u${rnd(USERS)}`, agent: null, session: null, namespace: "" }, kind: "fact", text: x, origin: "user" } }; });
  const b = checkBatch({ by: { operatorOf: "acme" }, key: null, now: 1.7e12, changes });
  db.transact(() => memory.write(b, null));
}
const c = process.cpuUsage(cpu0); t = performance.now() - t;
console.log(`ingest ${N}/${USERS}: wall ${(t / N).toFixed(3)} cpu ${((c.user + c.system) / 1000 / N).toFixed(3)} ms/record`);
try { db.emptyLog(); } catch {}
console.log("bytes/record", (statSync(join(dataDir, "memory.db")).size / N).toFixed(0));
for (const r of db.all("select name, sum(pgsize) as b from dbstat group by name order by b desc limit 12")) console.log(r.name, (r.b / N).toFixed(0));
const times = [];
for (let i = 0; i < 300; i++) {
  const words = texts[rnd(texts.length)].split(" "); const q = Array.from({ length: 6 }, () => words[rnd(words.length)]).join(" ");
  const c0 = process.cpuUsage();
  const h = db.observe(() => memory.search({ viewer: { tenant: "acme", user: `u${rnd(USERS)}`, agent: null, session: "s" }, text: q, now: 1.7e12, limit: 10 }, null));
  const cc = process.cpuUsage(c0); times.push((cc.user + cc.system) / 1000);
}
times.sort((a, b) => a - b);
console.log(`query cpu p50 ${times[150].toFixed(2)} p95 ${times[285].toFixed(2)} p99 ${times[297].toFixed(2)} ms`);
db.close(); rmSync(dataDir, { recursive: true });
