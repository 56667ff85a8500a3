import { onTestFinished } from "vitest";
import type { ToolContext } from "../../ports/tool.ts";
import { codeTools, type CodeTool, type CodeToolsOptions } from "./code-tools.ts";
import type { JavaScriptResult } from "./javascript-result.ts";

/** Who calls, where it matters. */
type Caller = { readonly signal?: AbortSignal; readonly session?: string };

/** A tool that runs JavaScript, and what it holds. */
export type JavaScriptBench = {
  readonly tool: CodeTool | undefined;
  readonly run: (code: string, caller?: Caller) => Promise<JavaScriptResult>;
  readonly threads: () => number;
  readonly close: () => Promise<void>;
};

export const makeJavaScriptBench = (options: Partial<CodeToolsOptions> = {}): JavaScriptBench => {
  // The machine may have other things to do: nothing is stopped by the clock that does not ask for it.
  const limits = { timeoutMs: 110_000, memoryMb: 64, ...options.limits };
  const [tool] = codeTools({ languages: ["javascript"], ...options, limits });
  const close = async (): Promise<void> => {
    await tool?.resource?.close();
  };
  onTestFinished(close);
  return {
    tool,
    run: async (code, { signal = new AbortController().signal, session = "s1" } = {}) => {
      const context: object = { signal, session: { id: session } };
      return (await tool?.execute({ code }, context as ToolContext)) as JavaScriptResult;
    },
    threads: () => tool?.resource?.held()["threads"] ?? 0,
    close,
  };
};
