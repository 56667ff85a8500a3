/** Mutants that nobody marked: a condition negated, an append dropped, two statements the other way round. */
import type { Edit, Mutant, MutantKind } from "./mutant.ts";
import { placeOf } from "./place-of.ts";
import {
  childOf,
  childrenOf,
  inLine,
  lineOf,
  type SourceFile,
  type SyntaxNode,
  textOf,
} from "./syntax-tree.ts";
import { isOrderOpen } from "./is-order-open.ts";

type Change = { readonly kind: MutantKind; readonly node: SyntaxNode; readonly edits: readonly Edit[] };

const TESTED = new Set(["IfStatement", "ConditionalExpression", "WhileStatement", "ForStatement"]);
const COMPARED = /^([=!]==|[<>]=?|in|instanceof)$/;

/** Whether an expression is plainly true or false. */
const isCondition = ({ type, own }: SyntaxNode): boolean => {
  if (type === "LogicalExpression") return own["operator"] !== "??";
  if (type === "UnaryExpression") return own["operator"] === "!";
  return type === "BinaryExpression" && COMPARED.test(String(own["operator"]));
};

/** The test of a branch, and what a predicate answers. */
const isNegatable = (node: SyntaxNode): boolean => {
  const { parent, role } = node;
  if (parent === null) return false;
  if (role === "test" && TESTED.has(parent.type)) return true;
  const isAnswer = role === "argument" && parent.type === "ReturnStatement";
  const isBody = role === "body" && parent.type === "ArrowFunctionExpression";
  return (isAnswer || isBody) && isCondition(node);
};

const negate = (source: SourceFile, node: SyntaxNode): Change => {
  const { start, end } = node;
  return {
    kind: "negated condition",
    node,
    edits: [{ start, end, text: `!(${textOf(source, node)})` }],
  };
};

const APPENDS = new Set(["add", "push", "unshift"]);

const isAppend = (source: SourceFile, node: SyntaxNode): boolean => {
  if (node.type !== "ExpressionStatement") return false;
  const call = childOf(node, "expression");
  const callee = call?.type === "CallExpression" ? childOf(call, "callee") : undefined;
  const method = callee === undefined ? undefined : childOf(callee, "property");
  return method !== undefined && APPENDS.has(textOf(source, method));
};

/** `[...all, one]` appends one. */
const isAppended = ({ parent, type }: SyntaxNode): boolean =>
  parent?.type === "ArrayExpression" &&
  type !== "SpreadElement" &&
  parent.children.some((element) => element.type === "SpreadElement");

const dropped = (source: SourceFile, node: SyntaxNode): Change => {
  const comma = isAppended(node) ? (/^\s*,/.exec(source.text.slice(node.end))?.[0].length ?? 0) : 0;
  const text = isAppended(node) ? "" : "{}";
  return { kind: "dropped append", node, edits: [{ start: node.start, end: node.end + comma, text }] };
};

const swapped = (source: SourceFile, first: SyntaxNode, second: SyntaxNode): Change => ({
  kind: "swapped order",
  node: first,
  edits: [
    { start: first.start, end: first.end, text: textOf(source, second) },
    { start: second.start, end: second.end, text: textOf(source, first) },
  ],
});

const swapsIn = (source: SourceFile, block: SyntaxNode): readonly Change[] => {
  const statements = childrenOf(block, block.type === "SwitchCase" ? "consequent" : "body");
  return statements.flatMap((second, index) => {
    const first = statements[index - 1];
    if (first === undefined || isOrderOpen(source, first, second)) return [];
    return [swapped(source, first, second)];
  });
};

const changesOf = (source: SourceFile): readonly Change[] =>
  source.nodes.flatMap((node) => [
    ...(isNegatable(node) ? [negate(source, node)] : []),
    ...(isAppend(source, node) || isAppended(node) ? [dropped(source, node)] : []),
    ...(node.type === "BlockStatement" || node.type === "SwitchCase" ? swapsIn(source, node) : []),
  ]);

const SHOWN = 90;

const show = (text: string): string => {
  const line = inLine(text);
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
};

/** The text from the first edit to the last, before or after. */
const spanOf = (source: SourceFile, edits: readonly Edit[], isAfter: boolean): string =>
  edits.map((edit) => show(isAfter ? edit.text : textOf(source, edit))).join(" ⇄ ");

/** Every such mutant of a file, named by place and text. */
export const generateMutants = (source: SourceFile): readonly Mutant[] => {
  const seen = new Map<string, number>();
  return changesOf(source).map(({ kind, node, edits }) => {
    const was = spanOf(source, edits, false);
    const name = `${source.path}: ${kind} in ${placeOf(source, node)}: ${was}`;
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return {
      kind,
      id: times === 1 ? name : `${name} (${times})`,
      file: source.path,
      line: lineOf(source, node.start),
      promises: [],
      edits,
      was,
      now: spanOf(source, edits, true),
    };
  });
};
