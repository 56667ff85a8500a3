import { createSqliteMemory } from "./sqlite-memory.ts";
import { episodeOf } from "./episode.fixture.ts";

/** Remembers one thing after another, and tells which are answered: until it is killed, or has done all. */
const [, , dataDir = "", name = "", count = "0"] = process.argv;
const memory = await createSqliteMemory({ dataDir });
for (let at = 0; at < Number(count); at += 1) {
  await memory.write(episodeOf(`${name} ${at}`));
  process.send?.(`${name} ${at}`);
}
await memory.close();
process.disconnect();
