import type { SourceFile } from "./syntax-tree.ts";

/** A piece of a file's text and what is put in its place. */
export type Edit = { readonly start: number; readonly end: number; readonly text: string };

export const MUTANT_KINDS = ["guard", "negated condition", "dropped append", "swapped order"] as const;
export type MutantKind = (typeof MUTANT_KINDS)[number];

/** One small change that ought to be noticed. */
export type Mutant = {
  readonly kind: MutantKind;
  /** Names it by what it says, not by its line, so that it is the same after others have moved. */
  readonly id: string;
  /** Path under `packages/holdfast/src`. */
  readonly file: string;
  readonly line: number;
  /** Of a guard: the promises it keeps. */
  readonly promises: readonly string[];
  readonly edits: readonly Edit[];
  readonly was: string;
  readonly now: string;
};

/** The text of a file with edits made, which must not overlap. */
export const applyEdits = (text: string, edits: readonly Edit[]): string =>
  edits
    .toSorted((left, right) => right.start - left.start)
    .reduce((sofar, { start, end, text: put }) => sofar.slice(0, start) + put + sofar.slice(end), text);

/** The files that differ when all of these are planted at once, by path. */
export const plant = (
  sources: ReadonlyMap<string, SourceFile>,
  mutants: readonly Mutant[],
): ReadonlyMap<string, string> => {
  const byFile = Map.groupBy(mutants, ({ file }) => file);
  return new Map(
    [...byFile].map(([file, inFile]) => {
      const source = sources.get(file);
      if (source === undefined) throw new TypeError(`There is no source file ${file}.`);
      const edits = inFile.flatMap((mutant) => mutant.edits);
      return [file, applyEdits(source.text, edits)];
    }),
  );
};
