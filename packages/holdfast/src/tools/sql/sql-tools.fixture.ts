import { AssertionError } from "node:assert";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import type { JsonValue } from "../../core/json.ts";
import type { ToolContext } from "../../ports/tool.ts";

/** Enters a tool as the engine would, with what these tools look at. */
export const enter = async (
  tools: readonly DefinedTool[],
  name: string,
  {
    input = {},
    signal = new AbortController().signal,
  }: { readonly input?: JsonValue; readonly signal?: AbortSignal },
): Promise<unknown> => {
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined) throw new AssertionError({ message: `There is no tool ${name}.` });
  const parsed = await tool.parseInput(input);
  if (!parsed.ok) throw new AssertionError({ message: parsed.issues.join("; ") });
  return tool.execute(parsed.value, { signal } as ToolContext);
};

export const held = (tools: readonly DefinedTool[]): number =>
  Object.values(tools[0]?.resource?.held() ?? {}).reduce((sum, count) => sum + count, 0);

/** Ends what they hold open. */
export const close = async (tools: readonly DefinedTool[]): Promise<void> => tools[0]?.resource?.close();
