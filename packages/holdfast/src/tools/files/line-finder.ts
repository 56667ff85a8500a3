import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { notDone } from "./file-failure.ts";

/** A line that fits. */
export type Hit = { readonly line: number; readonly text: string };

export type Query = {
  readonly query: string;
  readonly isRegex: boolean;
  readonly ignoresCase: boolean;
  /** Most hits in one file. */
  readonly maxHits: number;
  /** Longest text, in characters. */
  readonly maxChars: number;
  readonly signal: AbortSignal;
};

/** Finds lines in texts: the hits of each. */
export type LineFinder = AsyncDisposable & {
  find(texts: readonly string[]): Promise<readonly (readonly Hit[])[]>;
};

/** A longer line is shown as far as it stands around the match. */
const MAX_LINE_CHARS = 300;
/** What of such a line is shown before the match. */
const CHARS_BEFORE = 100;

/**
 * What a thread of its own does: some expressions take years on some lines, and nothing but the end of their thread stops them; and
 * going through a great text takes a while for any.
 */
const IN_THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const { source, flags, maxHits } = workerData;
const pattern = new RegExp(source, flags);
const isHalved = (line, at) => /[\\ud800-\\udbff]/.test(line[at - 1] ?? "") && /[\\udc00-\\udfff]/.test(line[at] ?? "");
const around = (line, at, length) => {
  if (line.length <= ${MAX_LINE_CHARS}) return line;
  const before = Math.min(${CHARS_BEFORE}, Math.max(0, ${MAX_LINE_CHARS} - length));
  const isNear = at + length <= ${MAX_LINE_CHARS};
  let start = isNear ? 0 : Math.max(0, Math.min(at - before, line.length - ${MAX_LINE_CHARS}));
  let end = Math.min(start + ${MAX_LINE_CHARS}, line.length);
  if (isHalved(line, start)) start += 1;
  if (isHalved(line, end)) end -= 1;
  return (start > 0 ? "…" : "") + line.slice(start, end) + (end < line.length ? "…" : "");
};
const hitsIn = (text) => {
  const hits = [];
  for (let start = 0, number = 1; start <= text.length && hits.length < maxHits; number += 1) {
    const found = text.indexOf("\\n", start);
    const end = found === -1 ? text.length : found;
    const line = text.slice(start, end);
    const match = pattern.exec(line);
    if (match !== null) hits.push({ line: number, text: around(line, match.index, match[0].length) });
    start = end + 1;
  }
  return hits;
};
parentPort.on("message", (texts) => parentPort.postMessage(texts.map(hitsIn)));
`;

/** Room for the texts of a question and for those of the one before, which may lie about still: two bytes a character. */
const limitsFor = (maxChars: number) => ({
  maxOldGenerationSizeMb: 128 + Math.ceil((4 * maxChars) / 1_000_000),
  maxYoungGenerationSizeMb: 16,
  stackSizeMb: 4,
});

/** @throws ToolError when a regular expression is none. */
export const createLineFinder = (asked: Query): LineFinder => {
  const { query, isRegex, ignoresCase, maxHits, maxChars, signal } = asked;
  const flags = ignoresCase ? "iu" : "u";
  if (isRegex) checkRegex(query, flags);
  const source = isRegex ? query : RegExp.escape(query);
  const worker = new Worker(IN_THREAD, {
    eval: true,
    workerData: { source, flags, maxHits },
    resourceLimits: limitsFor(maxChars),
    execArgv: [],
    env: {},
  });
  // Who waits for an answer is told; nobody else needs to be.
  worker.on("error", () => {});
  return {
    find: async (texts) => {
      const answered = once(worker, "message", { signal });
      worker.postMessage(texts);
      const [hits] = await answered;
      return hits as readonly (readonly Hit[])[];
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
};

const checkRegex = (query: string, flags: string): void => {
  try {
    RegExp(query, flags);
  } catch (thrown) {
    throw notDone(thrown instanceof Error ? `${thrown.message}.` : "This is no regular expression.");
  }
};
