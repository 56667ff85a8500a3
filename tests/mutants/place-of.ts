import { ancestorsOf, childOf, type SourceFile, type SyntaxNode, textOf } from "./syntax-tree.ts";

const isNamed = (node: SyntaxNode): boolean =>
  node.type === "MethodDefinition" ||
  node.type === "FunctionDeclaration" ||
  (node.type === "VariableDeclarator" && childOf(node, "init")?.type === "ArrowFunctionExpression");

/** The name of the function or method that a piece of code stands in. */
export const placeOf = (source: SourceFile, node: SyntaxNode): string => {
  for (const outer of ancestorsOf(node)) {
    const name = isNamed(outer) ? (childOf(outer, "key") ?? childOf(outer, "id")) : undefined;
    if (name !== undefined) return textOf(source, name);
  }
  return "the file";
};
