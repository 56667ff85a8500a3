import { createHash } from "node:crypto";

const MAX_CHARS = 64;
const HASH_CHARS = 8;

/** Names for the server's tools that every provider takes, no two the same: the prefix, and as much of the server's as fits. */
export const namesFor = (prefix: string, names: readonly string[]): ReadonlyMap<string, string> => {
  const plain = names.map((name) => [name, `${prefix}_${name.replaceAll(/[^a-zA-Z0-9_-]/g, "_")}`] as const);
  const counts = new Map<string, number>();
  for (const [, made] of plain) counts.set(made, (counts.get(made) ?? 0) + 1);
  const isFit = (made: string): boolean => made.length <= MAX_CHARS && counts.get(made) === 1;
  const taken = new Set<string>(plain.flatMap(([, made]) => (isFit(made) ? [made] : [])));
  return new Map(
    plain.map(([name, made]) => {
      if (isFit(made)) return [name, made];
      let mark = marked(made, name);
      // A server may have given one tool the name that another gets here.
      for (let salt = 2; taken.has(mark); salt += 1) mark = marked(made, `${name} ${salt}`);
      taken.add(mark);
      return [name, mark];
    }),
  );
};

const marked = (made: string, name: string): string =>
  `${made.slice(0, MAX_CHARS - HASH_CHARS - 1)}_${createHash("sha256").update(name).digest("hex").slice(0, HASH_CHARS)}`;
