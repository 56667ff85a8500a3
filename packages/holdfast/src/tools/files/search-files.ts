import { lstat } from "node:fs/promises";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { openFolder } from "../../definitions/open-folder.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { fileFailure } from "./file-failure.ts";
import { isBinary, readWhole, toText } from "./file-text.ts";
import type { FileSettings } from "./files-settings.ts";
import { fitsGlob } from "./glob.ts";
import { createLineFinder, type LineFinder } from "./line-finder.ts";
import { locate, openParent, type Place } from "./locate.ts";
import { walk, type Entry, type WalkLimit } from "./walk.ts";

type SearchInput = {
  readonly query: string;
  readonly regex?: boolean;
  readonly ignoreCase?: boolean;
  readonly path?: string;
  readonly glob?: string;
};

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    query: { type: "string", minLength: 1, maxLength: 1_000 },
    regex: {
      type: "boolean",
      description: "Whether query is a regular expression of JavaScript. False by default.",
    },
    ignoreCase: { type: "boolean" },
    path: { type: "string", description: "A folder or file of the workspace; all of it by default." },
    glob: { type: "string", maxLength: 200, description: "Only files that fit: *.md, src/**/*.ts." },
  },
  required: ["query"],
  additionalProperties: false,
};

const MAX_HITS = 200;
const MAX_HITS_A_FILE = 50;
/** A regular expression that takes longer is one that would take for ever. */
const TIMEOUT_MS = 15_000;

/** Searches the files of the workspace, line by line. */
export const searchFilesTool = (settings: FileSettings): DefinedTool<SearchInput, string> =>
  defineTool()({
    name: "search_files",
    description: "Finds lines with a text in the files of the workspace. Gives path, line number and line.",
    inputSchema: INPUT_SCHEMA,
    effect: "read",
    timeoutMs: TIMEOUT_MS,
    // What did not end in this time does not end the next time either.
    retry: { maxAttempts: 1 },
    maxOutputChars: settings.maxChars + 1_000,
    // What arrives here has passed the schema.
    execute: (input, context) => search(input as SearchInput, context, settings),
  }) as DefinedTool<SearchInput, string>;

type Found = { readonly lines: string[]; skipped: number; chars: number; isCut: boolean };

const search = async (input: SearchInput, context: ToolContext, settings: FileSettings): Promise<string> => {
  const { query, regex = false, ignoreCase = false, path = "." } = input;
  const { signal } = context;
  try {
    const place = await locate(context, path);
    await using finder = createLineFinder({
      query,
      isRegex: regex,
      ignoresCase: ignoreCase,
      // One more than is shown tells whether there are more.
      maxHits: MAX_HITS_A_FILE + 1,
      maxChars: settings.maxFileBytes,
      signal,
    });
    const limit: WalkLimit = {
      left: settings.maxEntries,
      isCut: false,
      hasDeeper: false,
      signal,
      isDeep: true,
    };
    const found: Found = { lines: [], skipped: 0, chars: 0, isCut: false };
    const batch: Batch = { texts: [], chars: 0 };
    for await (const entry of entriesAt(place, limit)) {
      if (entry.kind !== "file" || (input.glob !== undefined && !fitsGlob(entry.path, input.glob))) continue;
      await gather(entry, { batch, found, settings });
      if (batch.texts.length === BATCH_FILES || batch.chars > BATCH_CHARS)
        await searchBatch(batch, { finder, found, settings });
      if (found.isCut) break;
    }
    if (!found.isCut) await searchBatch(batch, { finder, found, settings });
    return shownOf(found, limit);
  } catch (thrown) {
    throw fileFailure(thrown, path);
  }
};

/** All that is in a folder, or the one file that a path names. */
async function* entriesAt(place: Place, limit: WalkLimit): AsyncGenerator<Entry> {
  const { base, names, shown } = place;
  const name = names.at(-1);
  if (name !== undefined) {
    await using parent = await openParent(place);
    const stat = await lstat(parent.entry(name));
    if (stat.isFile()) {
      yield { path: shown, name, kind: "file", bytes: stat.size, folder: parent };
      return;
    }
  }
  await using folder = await openFolder({ base, names, isMade: false });
  yield* walk({ folder, path: shown }, limit);
}

/** Texts that are searched in one go: a question to another thread for each would take longer than the answers. */
type Batch = { texts: { readonly path: string; readonly text: string }[]; chars: number };

const BATCH_FILES = 200;
const BATCH_CHARS = 2_000_000;

type Gathering = { readonly batch: Batch; readonly found: Found; readonly settings: FileSettings };

const gather = async (entry: Entry, { batch, found, settings }: Gathering): Promise<void> => {
  const bytes = await readWhole(entry.folder, entry.name, settings.maxFileBytes).catch(() => null);
  if (bytes === null || isBinary(bytes)) {
    found.skipped += 1;
    return;
  }
  const text = toText(bytes);
  batch.texts.push({ path: entry.path, text });
  batch.chars += text.length;
};

type Searching = { readonly finder: LineFinder; readonly found: Found; readonly settings: FileSettings };

const searchBatch = async (batch: Batch, { finder, found, settings }: Searching): Promise<void> => {
  const { texts } = batch;
  batch.texts = [];
  batch.chars = 0;
  if (texts.length === 0) return;
  const hits = await finder.find(texts.map(({ text }) => text));
  for (const [index, { path }] of texts.entries()) {
    const inFile = hits[index] ?? [];
    for (const { line, text } of inFile.slice(0, MAX_HITS_A_FILE)) {
      add(`${path}:${line}: ${text.trimEnd()}`.toWellFormed(), found, settings);
    }
    if (inFile.length > MAX_HITS_A_FILE)
      add(`[More in ${path}: only the first ${MAX_HITS_A_FILE} lines are shown.]`, found, settings);
  }
};

const add = (line: string, found: Found, { maxChars }: FileSettings): void => {
  if (found.isCut) return;
  found.chars += line.length + 1;
  found.isCut = found.lines.length === MAX_HITS || found.chars > maxChars;
  if (!found.isCut) found.lines.push(line);
};

const shownOf = ({ lines, skipped, isCut }: Found, limit: WalkLimit): string =>
  [
    ...(lines.length === 0 ? ["[Nothing found.]"] : lines),
    ...(isCut ? [`[Cut after ${lines.length} lines: there may be more. Ask more narrowly.]`] : []),
    ...(limit.isCut
      ? [
          "[Not all files were searched: there are too many, or they are too deep. Search a folder further in.]",
        ]
      : []),
    ...(skipped === 0 ? [] : [`[${skipped} files were not searched: binary, too long, or gone.]`]),
  ].join("\n");
