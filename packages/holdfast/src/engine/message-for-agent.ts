import { toFailure } from "../core/failure.ts";
import type { ParsedInput, Tool } from "../ports/tool.ts";

type ForAgent = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** What another agent is told; or why it cannot be: the input was erased since, or the author's function failed. */
export const messageFor = (tool: Tool, input: ParsedInput): ForAgent => {
  const failed = (why: string): ForAgent => ({ ok: false, why: `The agent could not be asked: ${why}` });
  if (!input.ok) return failed(input.issues.join("; "));
  try {
    return { ok: true, text: tool.toMessage?.(input.value) ?? JSON.stringify(input.value) };
  } catch (thrown) {
    return failed(toFailure(thrown).message);
  }
};
