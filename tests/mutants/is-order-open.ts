/** Says of two statements that nothing can come of their order: that the other order is no mutant. */
import { childOf, type SourceFile, type SyntaxNode, textOf } from "./syntax-tree.ts";

const within = (node: SyntaxNode): readonly SyntaxNode[] => [node, ...node.children.flatMap(within)];

const namesIn = (source: SourceFile, node: SyntaxNode): ReadonlySet<string> =>
  new Set(
    within(node)
      .filter(({ type }) => type === "Identifier" || type === "PrivateIdentifier")
      .map((identifier) => textOf(source, identifier)),
  );

/** What a declaration names, or the member that an assignment sets. */
const writtenBy = (source: SourceFile, node: SyntaxNode): ReadonlySet<string> => {
  const targets = within(node).flatMap((part) => {
    if (part.type === "VariableDeclarator") return childOf(part, "id") ?? [];
    if (part.type !== "AssignmentExpression") return [];
    const left = childOf(part, "left");
    return (left === undefined ? undefined : childOf(left, "property")) ?? left ?? [];
  });
  return new Set(targets.flatMap((target) => [...namesIn(source, target)]));
};

/** The second needs what the first declares: the other way round it cannot run. */
const declaresFor = (source: SourceFile, first: SyntaxNode, second: SyntaxNode): boolean =>
  first.type === "VariableDeclaration" && !writtenBy(source, first).isDisjointFrom(namesIn(source, second));

const ACTS = new Set(["AwaitExpression", "YieldExpression", "UpdateExpression"]);
const CALLS = new Set(["CallExpression", "NewExpression"]);
const ENDS = new Set(["ReturnStatement", "ThrowStatement", "ContinueStatement", "BreakStatement"]);

/** Whether nothing but its own names or members changes. `core/` is pure, so naming what a call gives changes nothing. */
const isStill = (source: SourceFile, node: SyntaxNode): boolean => {
  const isPure = source.path.startsWith("core/") && node.type === "VariableDeclaration";
  return within(node).every(({ type }) => !ACTS.has(type) && (isPure || !CALLS.has(type)));
};

/** `if (…) return …;` and the like: it lets what follows happen, or not. */
const isGate = ({ type, children }: SyntaxNode): boolean =>
  type === "IfStatement" &&
  children.some(({ role, children: inner, ...branch }) => {
    const ends = ENDS.has(branch.type) || inner.some((statement) => ENDS.has(statement.type));
    return role === "consequent" && ends;
  });

/** Only the log or the trace hears of it. */
const isRemark = (source: SourceFile, node: SyntaxNode): boolean =>
  node.type !== "VariableDeclaration" &&
  /^(void )?[\w.#]*\b(logger|spans|span|#warn)\b/.test(textOf(source, node));

/** Whether something may happen elsewhere while it is under way. */
const waits = (node: SyntaxNode): boolean =>
  within(node).some(({ type }) => type === "AwaitExpression" || type === "YieldExpression");

const sharesNames = (source: SourceFile, first: SyntaxNode, second: SyntaxNode): boolean =>
  !namesIn(source, first).isDisjointFrom(namesIn(source, second));

export const isOrderOpen = (source: SourceFile, first: SyntaxNode, second: SyntaxNode): boolean => {
  if (declaresFor(source, first, second) || isRemark(source, first) || isRemark(source, second)) return true;
  const [isFirstGate, isSecondGate] = [isGate(first), isGate(second)];
  // Of two gates each is tested by itself; and what ends a block is no neighbour to change places with.
  if (isFirstGate && (isSecondGate || ENDS.has(second.type))) return true;
  if (isFirstGate || isSecondGate) {
    const other = isFirstGate ? second : first;
    // What only names a value is as good before the gate as behind it.
    return other.type === "VariableDeclaration" && !waits(other);
  }
  if (ENDS.has(first.type) || ENDS.has(second.type)) return first.type === "VariableDeclaration";
  if (isStill(source, first) && isStill(source, second)) {
    const isApart = writtenBy(source, first).isDisjointFrom(namesIn(source, second));
    return isApart && writtenBy(source, second).isDisjointFrom(namesIn(source, first));
  }
  // Within one tick nobody sees the order of two things that have nothing in common.
  return !waits(first) && !waits(second) && !sharesNames(source, first, second);
};
