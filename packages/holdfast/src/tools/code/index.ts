export {
  codeTools,
  type CodeInput,
  type CodeLanguage,
  type CodeTool,
  type CodeToolsOptions,
} from "./code-tools.ts";
export type { CodeNetwork } from "./code-network.ts";
export type { CodeLimits } from "./code-limits.ts";
export type { CodeResult } from "./code-result.ts";
export type { JavaScriptError, JavaScriptResult } from "./javascript-result.ts";
