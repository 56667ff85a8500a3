/** A source file as a tree of positions: enough to find a piece of code and cut it out of the text. */
import { parseSync, visitorKeys } from "oxc-parser";

/** One piece of code. */
export type SyntaxNode = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly parent: SyntaxNode | null;
  /** What it is to its parent: `test`, `left`, `body`. */
  readonly role: string;
  /** What the parser says of it besides its children: `operator`, `name`, `kind`. */
  readonly own: Readonly<Record<string, unknown>>;
  readonly children: SyntaxNode[];
};

export type Comment = { readonly text: string; readonly start: number; readonly end: number };

export type SourceFile = {
  /** Path under `packages/holdfast/src`. */
  readonly path: string;
  readonly text: string;
  readonly root: SyntaxNode;
  /** Every node, outer ones before inner ones. */
  readonly nodes: readonly SyntaxNode[];
  readonly comments: readonly Comment[];
};

type Raw = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number };

const isRaw = (value: unknown): value is Raw & { readonly end: number } =>
  typeof value === "object" && value !== null && "type" in value && "start" in value && "end" in value;

/** Types are stripped before anything runs: a change there would be none. */
const isOnlyType = (type: string): boolean =>
  /^TS(Type|Interface|Union|Function|Literal|Tuple|Array|Conditional|Mapped|Indexed)/.test(type);

const grow = (raw: Raw & { readonly end: number }, parent: SyntaxNode | null, role: string): SyntaxNode => {
  const { type, start, end } = raw;
  const node: SyntaxNode = { type, start, end, parent, role, own: raw, children: [] };
  for (const key of visitorKeys[type] ?? []) {
    const found: unknown = raw[key];
    for (const child of Array.isArray(found) ? found : [found]) {
      if (isRaw(child) && !isOnlyType(child.type)) node.children.push(grow(child, node, key));
    }
  }
  return node;
};

const flatten = (node: SyntaxNode): readonly SyntaxNode[] => [node, ...node.children.flatMap(flatten)];

/** Reads a file's text; throws where it is not TypeScript. */
export const parseSource = (path: string, text: string): SourceFile => {
  const { program, comments, errors } = parseSync(path, text, { lang: "ts" });
  const [problem] = errors;
  if (problem !== undefined) throw new SyntaxError(`${path}: ${problem.message}`);
  if (!isRaw(program)) throw new SyntaxError(`${path} has no program.`);
  const root = grow(program, null, "root");
  return {
    path,
    text,
    root,
    nodes: flatten(root),
    comments: comments.map(({ value, start, end }) => ({ text: value.trim(), start, end })),
  };
};

export const childOf = (node: SyntaxNode, role: string): SyntaxNode | undefined =>
  node.children.find((child) => child.role === role);

export const childrenOf = (node: SyntaxNode, role: string): readonly SyntaxNode[] =>
  node.children.filter((child) => child.role === role);

export const ancestorsOf = function* (node: SyntaxNode): Generator<SyntaxNode, void, undefined> {
  for (let at = node.parent; at !== null; at = at.parent) yield at;
};

export const textOf = (
  { text }: SourceFile,
  node: { readonly start: number; readonly end: number },
): string => text.slice(node.start, node.end);

/** A text on one line. */
export const inLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

export const lineOf = ({ text }: SourceFile, at: number): number => text.slice(0, at).split("\n").length;
