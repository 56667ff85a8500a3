import { AssertionError } from "node:assert";
import type {
  MemoryAnswer,
  MemoryChange,
  MemoryReader,
  MemoryScope,
  MemoryStore,
  MemoryViewer,
  NewMemory,
} from "../../ports/memory-store.ts";

/** A memory under test, fresh and empty. */
export type MemorySubject = {
  readonly memory: MemoryStore;
  /** Closes it and opens its data again, where data outlives it. */
  readonly reopen?: () => Promise<MemoryStore>;
  /** Opens a second one on the same data, as another process would. */
  readonly attach?: () => Promise<MemoryStore>;
  /** Everything that is on disk, as one text in Latin-1. */
  readonly bytes?: () => Promise<string>;
  readonly dispose: () => Promise<void>;
};

export type MemoryCapability = "durability" | "sharing";

export type MemoryCase = {
  readonly promise: string;
  readonly title: string;
  readonly needs?: MemoryCapability;
  readonly run: (subject: MemorySubject) => Promise<void>;
};

/** Gives what a case needs of the subject; fails when it is not there. */
export const needOf = <Name extends "reopen" | "attach" | "bytes">(
  subject: MemorySubject,
  name: Name,
): NonNullable<MemorySubject[Name]> => {
  const found = subject[name];
  if (found !== undefined) return found;
  throw new AssertionError({
    message: `The subject has no "${name}" and does not declare that it lacks it.`,
  });
};

export const NOW = 1_700_000_000_000;
export const DAY = 86_400_000;

export const viewerOf = (viewer: Partial<MemoryViewer> = {}): MemoryViewer => ({
  tenant: "acme",
  user: "ann",
  agent: null,
  session: "ses_1",
  ...viewer,
});

export const scopeOf = (scope: Partial<MemoryScope> = {}): MemoryScope => ({
  tenant: "acme",
  user: "ann",
  agent: null,
  session: null,
  namespace: "",
  ...scope,
});

export const memoryOf = (memory: Partial<NewMemory> = {}): NewMemory => ({
  scope: scopeOf(),
  kind: "fact",
  text: "Ann lives in Paris",
  origin: "user",
  ...memory,
});

export const OPERATOR: MemoryReader = { operatorOf: "acme" };

type Writing = { readonly by?: MemoryReader; readonly key?: string | null; readonly now?: number };

export const write = (
  memory: MemoryStore,
  changes: readonly MemoryChange[],
  { by = viewerOf(), key = null, now = NOW }: Writing = {},
): Promise<readonly MemoryAnswer[]> => memory.write({ by, key, now, changes });

/** Adds one record, and answers its id. */
export const addOne = async (
  memory: MemoryStore,
  added: Partial<NewMemory> = {},
  writing: Writing = {},
): Promise<string> => {
  const [answer] = await write(memory, [{ do: "add", memory: memoryOf(added) }], writing);
  if (answer !== undefined && "id" in answer) return answer.id;
  throw new AssertionError({ message: `Nothing was added: ${JSON.stringify(answer)}` });
};

/** The texts that a search finds, the best first. */
export const found = async (
  memory: MemoryStore,
  text: string,
  { viewer = viewerOf(), now = NOW, ...more }: Partial<Parameters<MemoryStore["search"]>[0]> = {},
): Promise<readonly string[]> =>
  (await memory.search({ viewer, now, text, ...more })).map(({ record }) => record.text);
