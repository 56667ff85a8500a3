import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readInside, walkFolder } from "../folder.ts";
import { buildIndex } from "../index-database.ts";
import { queryIndex } from "./query-index.ts";

const never = new AbortController().signal;
let base = "";
let root = "";

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "holdfast-folder-"));
  root = join(base, "root");
  await mkdir(join(root, "src"), { recursive: true });
  await mkdir(join(root, ".git"));
  await writeFile(join(base, "secret.txt"), "outside");
  await writeFile(join(root, ".git", "config"), "not shown");
  await writeFile(
    join(root, "src", "a.ts"),
    'import "./b.ts";\nimport {\n  x,\n} from "../c.ts";\n// TODO: more\n',
  );
  await writeFile(join(root, "picture"), new Uint8Array([1, 0, 2]));
  await symlink(join(base, "secret.txt"), join(root, "link.txt"));
  await symlink(base, join(root, "up"));
});

afterEach(() => rm(base, { recursive: true, force: true }));

describe("the folder", () => {
  it("lists plain files, and follows no links", async () => {
    const { files } = await walkFolder(root, ".", never);
    expect(files.map(({ path }) => path)).toEqual(["picture", "src/a.ts"]);
  });

  it.each(["../secret.txt", "link.txt", "up/secret.txt", ".git/config", "/etc/hostname", "src", "nothing"])(
    "does not read %s",
    async (path) => {
      await expect(readInside(root, path, 100)).rejects.toMatchObject({
        code: "TOOL_FAILED",
        executed: false,
      });
    },
  );

  it("reads text up to a limit, and says what is binary", async () => {
    expect(await readInside(root, "src/a.ts", 6)).toEqual({ kind: "text", text: "import", bytes: 63 });
    expect(await readInside(root, "picture", 100)).toEqual({ kind: "binary", bytes: 3 });
  });
});

/** What `query_index` uses of its context. */
const query = (sql: string): Promise<unknown> =>
  queryIndex.execute({ sql }, {
    signal: never,
    workspace: { resolve: async (name: string) => join(base, name) },
  } as Parameters<typeof queryIndex.execute>[1]);

describe("the index", () => {
  it("answers a SELECT, with imports resolved and tasks counted", async () => {
    const totals = await buildIndex(root, join(base, "index.sqlite"), never);
    expect(totals).toMatchObject({ files: 2, textFiles: 1, imports: 2, todos: 1, lines: 5 });
    await expect(query("SELECT module FROM imports ORDER BY module")).resolves.toEqual({
      columns: ["module"],
      rows: [{ module: "c.ts" }, { module: "src/b.ts" }],
    });
  });

  it("is the same when it is built again", async () => {
    const first = await buildIndex(root, join(base, "index.sqlite"), never);
    expect(await buildIndex(root, join(base, "index.sqlite"), never)).toEqual(first);
  });

  it.each([
    "DELETE FROM files",
    "CREATE TABLE x (y)",
    "ATTACH 'other.sqlite' AS other",
    "PRAGMA journal_mode = WAL",
    "SELECT * FROM nothing",
    "SELECT 1; DELETE FROM files",
  ])("refuses %s", async (sql) => {
    await buildIndex(root, join(base, "index.sqlite"), never);
    await expect(query(sql)).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
  });

  it("answers so many rows and no more", async () => {
    await buildIndex(root, join(base, "index.sqlite"), never);
    const sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000) SELECT x FROM n";
    await expect(query(sql)).resolves.toMatchObject({ note: "There are more than 50 rows." });
  });
});
