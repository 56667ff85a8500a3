import { ConfigurationError, isHoldfastError } from "../core/errors.ts";
import type { MemoryChange, MemoryRecord, MemoryStore } from "../ports/memory-store.ts";

const PAGE = 500;

export type ExportMemoryOptions = {
  readonly tenant: string | null;
  /** One user's records alone: what somebody is given who asks what is known of them. */
  readonly user?: string;
};

/** Everything of a tenant as lines of JSON, a record a line, superseded and quarantined ones too, from the newest to the oldest. */
export async function* exportMemory(
  memory: MemoryStore,
  { tenant, user }: ExportMemoryOptions,
): AsyncGenerator<string> {
  let cursor: string | null = null;
  do {
    const page = await memory.list({
      reader: { operatorOf: tenant },
      all: true,
      limit: PAGE,
      ...(user === undefined ? {} : { user }),
      ...(cursor === null ? {} : { cursor }),
    });
    for (const record of page.records) yield `${JSON.stringify(record)}\n`;
    cursor = page.cursor;
  } while (cursor !== null);
}

export type ImportMemoryOptions = {
  /** Where they go, whatever tenant they come from. */
  readonly tenant: string | null;
  readonly now: number;
};

/** How many records came in, and how many were there already or contradict a current one that stays. */
export type ImportedMemory = { readonly added: number; readonly known: number; readonly stale: number };

/**
 * Brings in what `exportMemory` took out. Doing it again changes nothing.
 *
 * @throws ConfigurationError `OPTION_INVALID` that names the first line that is no record; up to 500 lines before it may be in.
 */
export const importMemory = async (
  memory: MemoryStore,
  lines: AsyncIterable<string> | Iterable<string>,
  { tenant, now }: ImportMemoryOptions,
): Promise<ImportedMemory> => {
  const counts = { added: 0, known: 0, stale: 0 };
  let waiting: MemoryChange[] = [];
  let line = 0;
  const send = async (): Promise<void> => {
    const first = line - waiting.length + 1;
    const changes = waiting;
    waiting = [];
    try {
      const answers = await memory.write({ by: { operatorOf: tenant }, key: null, now, changes });
      for (const { status } of answers)
        if (status === "added" || status === "known" || status === "stale") counts[status] += 1;
    } catch (error) {
      throw wrongLines(error, first, line);
    }
  };
  for await (const text of lines) {
    if (text.trim() === "") continue;
    line += 1;
    waiting.push({ do: "import", record: recordIn(text, line) });
    if (waiting.length >= PAGE) await send();
  }
  if (waiting.length > 0) await send();
  return counts;
};

/** What it says is checked where it is written. */
const recordIn = (text: string, line: number): MemoryRecord => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as MemoryRecord;
  } catch {
    // Told below, as what is JSON and no record is.
  }
  throw new ConfigurationError("OPTION_INVALID", `Line ${line} is no memory: it is not a JSON object.`);
};

const wrongLines = (error: unknown, first: number, last: number): unknown => {
  if (!isHoldfastError(error) || error.code !== "OPTION_INVALID") return error;
  return new ConfigurationError(
    "OPTION_INVALID",
    `Of lines ${first} to ${last} one is wrong. ${error.message}`,
    {
      cause: error,
    },
  );
};
