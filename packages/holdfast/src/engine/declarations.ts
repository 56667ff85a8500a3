import type { Agent } from "../ports/agent.ts";
import type { ToolDeclaration } from "../ports/model.ts";

const DECLARATIONS = new WeakMap<object, readonly ToolDeclaration[]>();

/** Made once for each agent: the same array every turn lets adapters keep what they derive from it. */
export const declarationsOf = (tools: Agent["tools"]): readonly ToolDeclaration[] => {
  const known = DECLARATIONS.get(tools);
  if (known !== undefined) return known;
  const made = [...tools.values()].map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }));
  DECLARATIONS.set(tools, made);
  return made;
};
