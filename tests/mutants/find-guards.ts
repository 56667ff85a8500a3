/**
 * Guards are marked in the source: `guard E1: what it keeps from happening`, in a comment right before the code.
 * Each marker stands for one mechanical removal; the forms are those of the README beside this file.
 */
import type { Edit, Mutant } from "./mutant.ts";
import {
  childOf,
  childrenOf,
  inLine,
  lineOf,
  type Comment,
  type SourceFile,
  type SyntaxNode,
  textOf,
} from "./syntax-tree.ts";

const MARKER = /^guard ([A-Z]\d+(?:, [A-Z]\d+)*): (.+)$/s;

/** How one kind of code is removed; null where this piece is not of that kind. */
type Form = (node: SyntaxNode, source: SourceFile) => Edit | null;

const replaced = ({ start, end }: SyntaxNode, text: string): Edit => ({ start, end, text });

/** `if` without its condition never happens; with an `else`, only that happens. */
const ifStatement: Form = (node, source) => {
  if (node.type !== "IfStatement") return null;
  const otherwise = childOf(node, "alternate");
  return replaced(node, otherwise === undefined ? "{}" : textOf(source, otherwise));
};

const DROPPED = new Set(["ExpressionStatement", "ThrowStatement", "ForOfStatement", "WhileStatement"]);

const statement: Form = (node) => (DROPPED.has(node.type) ? replaced(node, "{}") : null);

/** A case that nothing falls into goes to `default`, or past the switch. */
const switchCase: Form = (node) => {
  if (node.type !== "SwitchCase" || childrenOf(node, "consequent").length === 0) return null;
  const cases = node.parent === null ? [] : childrenOf(node.parent, "cases");
  const before = cases[cases.indexOf(node) - 1];
  const isFallenInto = before !== undefined && childrenOf(before, "consequent").length === 0;
  return isFallenInto ? null : replaced(node, "");
};

const NARROWING = new Set(["filter", "slice", "toSorted", "toSpliced"]);

/** `const some = all.filter(…)` becomes `const some = all`. */
const narrowed: Form = (node, source) => {
  if (node.type !== "VariableDeclaration") return null;
  const [declared, another] = childrenOf(node, "declarations");
  const call = declared === undefined ? undefined : childOf(declared, "init");
  const callee = call?.type === "CallExpression" ? childOf(call, "callee") : undefined;
  const method = callee === undefined ? undefined : childOf(callee, "property");
  const receiver = callee === undefined ? undefined : childOf(callee, "object");
  if (call === undefined || method === undefined || receiver === undefined || another !== undefined)
    return null;
  return NARROWING.has(textOf(source, method)) ? replaced(call, textOf(source, receiver)) : null;
};

/** What an operand is when it does not matter. */
const NEUTRAL: Readonly<Record<string, string>> = { "&&": "true", "||": "false", "??": "undefined" };

const operand: Form = (node) => {
  const { parent } = node;
  if (parent?.type !== "LogicalExpression") return null;
  const operator = String(parent.own["operator"]);
  // A part of a longer chain of the same operator is several operands.
  if (node.type === "LogicalExpression" && node.own["operator"] === operator) return null;
  return replaced(node, NEUTRAL[operator] ?? "undefined");
};

/** Only the other branch is left. */
const branch: Form = (node, source) => {
  const { parent } = node;
  if (parent?.type !== "ConditionalExpression" || node.role === "test") return null;
  const other = childOf(parent, node.role === "consequent" ? "alternate" : "consequent");
  return other === undefined ? null : replaced(parent, `(${textOf(source, other)})`);
};

const withComma = (node: SyntaxNode, { text }: SourceFile): Edit => {
  const comma = /^\s*,/.exec(text.slice(node.end));
  return { start: node.start, end: node.end + (comma?.[0].length ?? 0), text: "" };
};

/** A member of an object that overrides what was there, or an element of a list. */
const member: Form = (node, source) => {
  const { parent } = node;
  if (parent?.type === "ObjectExpression" && node.type === "Property") return withComma(node, source);
  return parent?.type === "ArrayExpression" ? withComma(node, source) : null;
};

/** `Math.max(a, b)` without `b` is `Math.max(a)`. */
const bound: Form = (node, source) => {
  const { parent } = node;
  if (parent?.type !== "CallExpression" || node.role !== "arguments") return null;
  const callee = childOf(parent, "callee");
  const isBound = callee !== undefined && /^Math\.(max|min)$/.test(textOf(source, callee));
  return isBound ? withComma(node, source) : null;
};

const summand: Form = (node) => {
  const { parent } = node;
  const isSum = parent?.type === "BinaryExpression" && /^[+-]$/.test(String(parent.own["operator"]));
  return isSum ? replaced(node, "0") : null;
};

const FORMS: readonly Form[] = [
  ifStatement,
  statement,
  switchCase,
  narrowed,
  operand,
  branch,
  member,
  bound,
  summand,
];

/** The code a comment stands before: the outermost piece that begins there and has a form. */
const removalAt = (source: SourceFile, comment: Comment): Edit | null => {
  const rest = source.text.slice(comment.end);
  // Other comments may stand between a marker and its code.
  const skipped = /^(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/.exec(rest)?.[0].length ?? 0;
  const begins = source.nodes.filter(({ start }) => start === comment.end + skipped);
  for (const node of begins) {
    for (const form of FORMS) {
      const edit = form(node, source);
      if (edit !== null) return edit;
    }
  }
  return null;
};

const guardAt = (source: SourceFile, comment: Comment): Mutant | null => {
  const marker = MARKER.exec(comment.text);
  if (marker === null) {
    if (!/^guard\b/.test(comment.text)) return null;
    throw new SyntaxError(
      `${source.path}:${lineOf(source, comment.start)}: a marker reads "guard E1: what it prevents", not "${comment.text}".`,
    );
  }
  const [, promises = "", what = ""] = marker;
  const edit = removalAt(source, comment);
  const line = lineOf(source, comment.start);
  if (edit === null)
    throw new SyntaxError(
      `${source.path}:${line}: what follows the guard "${what}" can be removed in no known way. tests/mutants/README.md lists the forms.`,
    );
  return {
    kind: "guard",
    id: `${source.path}: ${inLine(what)}`,
    file: source.path,
    line,
    promises: promises.split(", "),
    edits: [edit],
    was: inLine(textOf(source, edit)),
    now: inLine(edit.text),
  };
};

/** Every guard of a file. @throws SyntaxError for a marker that means nothing. */
export const findGuards = (source: SourceFile): readonly Mutant[] => {
  const guards = source.comments.flatMap((comment) => guardAt(source, comment) ?? []);
  const double = guards.find(({ id }, index) => guards.findIndex((other) => other.id === id) !== index);
  if (double !== undefined) throw new SyntaxError(`Two guards have the name "${double.id}".`);
  return guards;
};
