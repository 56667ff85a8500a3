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
  readonly signal: AbortSignal;
};

/** Finds lines in texts: the hits of each. */
export type LineFinder = AsyncDisposable & {
  find(texts: readonly string[]): Promise<readonly (readonly Hit[])[]>;
};

const MAX_LINE_CHARS = 300;

/** @throws ToolError when a regular expression is none. */
export const createLineFinder = (query: Query): LineFinder =>
  query.isRegex ? regexFinder(query) : literalFinder(query);

const literalFinder = ({ query, ignoresCase, maxHits }: Query): LineFinder => {
  const folded = (text: string): string => (ignoresCase ? text.toLowerCase() : text);
  const wanted = folded(query);
  const hitsIn = (text: string): readonly Hit[] => {
    const hits: Hit[] = [];
    for (const [index, line] of text.split("\n").entries()) {
      if (hits.length === maxHits) break;
      if (folded(line).includes(wanted)) hits.push({ line: index + 1, text: line.slice(0, MAX_LINE_CHARS) });
    }
    return hits;
  };
  return {
    find: (texts) => Promise.resolve(texts.map(hitsIn)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/**
 * What a thread of its own does: some expressions take years on some lines, and nothing but the end of their thread stops them.
 */
const IN_THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const pattern = new RegExp(workerData.query, workerData.flags);
const hitsIn = (text) => {
  const hits = [];
  for (const [index, line] of text.split("\\n").entries()) {
    if (hits.length === workerData.maxHits) break;
    if (pattern.test(line)) hits.push({ line: index + 1, text: line.slice(0, ${MAX_LINE_CHARS}) });
  }
  return hits;
};
parentPort.on("message", (texts) => parentPort.postMessage(texts.map(hitsIn)));
`;

const THREAD_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

const regexFinder = ({ query, ignoresCase, maxHits, signal }: Query): LineFinder => {
  const flags = ignoresCase ? "iu" : "u";
  checkRegex(query, flags);
  const worker = new Worker(IN_THREAD, {
    eval: true,
    workerData: { query, flags, maxHits },
    resourceLimits: THREAD_LIMITS,
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
