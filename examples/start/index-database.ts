import { createHash } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setImmediate as breathe } from "node:timers/promises";
import { extensionOf, readInside, walkFolder, type FoundFile } from "./folder.ts";

/** What a model has to know to write queries. */
export const SCHEMA: readonly string[] = [
  "files(path, extension, bytes, lines, words, todos, is_text, digest)",
  "imports(path, module)",
  "todos(path, line, text)",
];

const DDL = `
  CREATE TABLE files (path TEXT PRIMARY KEY, extension TEXT, bytes INTEGER, lines INTEGER, words INTEGER, todos INTEGER, is_text INTEGER, digest TEXT);
  CREATE TABLE imports (path TEXT, module TEXT);
  CREATE TABLE todos (path TEXT, line INTEGER, text TEXT);`;

const MAX_INDEXED_BYTES = 1_000_000;
const FILES_A_BATCH = 200;

export type IndexTotals = {
  readonly files: number;
  readonly textFiles: number;
  readonly bytes: number;
  readonly lines: number;
  readonly todos: number;
  readonly imports: number;
  /** Said when the folder holds more files than are indexed. */
  readonly note?: string;
};

type Statements = {
  readonly file: StatementSync;
  readonly todo: StatementSync;
  readonly imported: StatementSync;
};

/** Builds the database beside its place and puts it there in one move: building it twice gives the same. */
export const buildIndex = async (root: string, target: string, signal: AbortSignal): Promise<IndexTotals> => {
  const { files, isCut } = await walkFolder(root, ".", signal);
  const draft = `${target}.${process.pid}.new`;
  await rm(draft, { force: true });
  const database = new DatabaseSync(draft);
  try {
    database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; ${DDL}`);
    await fill(database, { root, files, signal });
    const totals = readTotals(database);
    database.close();
    await rename(draft, target);
    return isCut ? { ...totals, note: `Only the first ${files.length} files were indexed.` } : totals;
  } finally {
    if (database.isOpen) database.close();
    await rm(draft, { force: true });
  }
};

const fill = async (
  database: DatabaseSync,
  {
    root,
    files,
    signal,
  }: { readonly root: string; readonly files: readonly FoundFile[]; readonly signal: AbortSignal },
): Promise<void> => {
  const statements = {
    file: database.prepare("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
    todo: database.prepare("INSERT INTO todos VALUES (?, ?, ?)"),
    imported: database.prepare("INSERT INTO imports VALUES (?, ?)"),
  };
  for (let start = 0; start < files.length; start += FILES_A_BATCH) {
    signal.throwIfAborted();
    const batch = files.slice(start, start + FILES_A_BATCH);
    const contents = await Promise.all(batch.map((file) => readText(root, file)));
    database.exec("BEGIN");
    batch.forEach((file, index) => insertFile(statements, file, contents[index] ?? null));
    database.exec("COMMIT");
    await breathe();
  }
};

/** Text of a file, or null for what is not text, too large, or gone by now. */
const readText = async (root: string, { path, bytes }: FoundFile): Promise<string | null> => {
  if (bytes > MAX_INDEXED_BYTES) return null;
  const content = await readInside(root, path, MAX_INDEXED_BYTES).catch(() => null);
  return content?.kind === "text" ? content.text : null;
};

const TODO = /(?:\/\/|\/\*|#|<!--|--|\*)\s*(?:TODO|FIXME|XXX)\b.*/;
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+["']([^"']+)["']|(?:^|\n)import\s+["']([^"']+)["']|\brequire\(["']([^"']+)["']\)|(?:^|\n)\s*(?:from\s+([\w.]+)\s+import\b|import\s+([\w.]+)\s*(?:\n|$))/g;

const insertFile = (
  { file, todo, imported }: Statements,
  { path, bytes }: FoundFile,
  text: string | null,
): void => {
  const lines = text === null ? [] : text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const marks = lines.flatMap((line, index) => {
    const mark = TODO.exec(line)?.[0];
    return mark === undefined ? [] : [{ line: index + 1, text: mark.trim().slice(0, 200) }];
  });
  for (const mark of marks) todo.run(path, mark.line, mark.text);
  for (const module of importsOf(path, text)) imported.run(path, module);
  const words = text?.match(/\S+/g)?.length ?? 0;
  const digest = text === null ? null : createHash("sha256").update(text).digest("hex").slice(0, 16);
  file.run(path, extensionOf(path), bytes, lines.length, words, marks.length, text === null ? 0 : 1, digest);
};

const CODE = /\.(?:[cm]?[jt]sx?|py|vue|svelte)$/;

/** Modules a source file names; relative ones as paths from the root, so that they can be counted together. */
const importsOf = (path: string, text: string | null): ReadonlySet<string> => {
  if (text === null || !CODE.test(path)) return new Set();
  const named = [...text.matchAll(IMPORT)].map(
    (match) => match.slice(1).find((group) => group !== undefined) ?? "",
  );
  return new Set(named.filter((name) => name !== "").map((name) => resolved(path, name)));
};

const resolved = (path: string, module: string): string =>
  module.startsWith(".") ? new URL(module, `file:///${encodeURI(path)}`).pathname.slice(1) : module;

const readTotals = (database: DatabaseSync): IndexTotals => {
  const row = database
    .prepare(
      `SELECT count(*) AS files, coalesce(sum(is_text), 0) AS textFiles, coalesce(sum(bytes), 0) AS bytes,
              coalesce(sum(lines), 0) AS lines, coalesce(sum(todos), 0) AS todos,
              (SELECT count(*) FROM imports) AS imports FROM files`,
    )
    .get();
  const number = (name: Exclude<keyof IndexTotals, "note">): number => Number(row?.[name] ?? 0);
  return {
    files: number("files"),
    textFiles: number("textFiles"),
    bytes: number("bytes"),
    lines: number("lines"),
    todos: number("todos"),
    imports: number("imports"),
  };
};
