export { taskTool } from "./tasks/task-tool.ts";
export { historyTool, type HistoryToolOptions } from "./history/history-tool.ts";
export { fileTools } from "./files/file-tools.ts";
export type { FileToolsOptions } from "./files/files-settings.ts";
export { fetchTool, type FetchedPage } from "./fetch/fetch-tool.ts";
export type { FetchInput, FetchOptions } from "./fetch/fetch-settings.ts";
export type { Lookup, NetworkOptions } from "../definitions/network-rules.ts";
export type { ToolResource } from "../ports/tool-resource.ts";
export { mcpTools } from "./mcp/mcp-tools.ts";
export type {
  McpAnswer,
  McpCaller,
  McpElicitation,
  McpHttpServer,
  McpOptions,
  McpQuestion,
  McpStdioServer,
} from "./mcp/mcp-options.ts";
export type { McpTool } from "./mcp/mcp-tool.ts";
export type { ClientCredentials, Credential, CredentialResolver } from "./openapi/credential.ts";
export type { HeaderValue, OpenApiOptions, OperationFilter } from "./openapi/openapi-options.ts";
export { openapiTools } from "./openapi/openapi-tools.ts";
export type { OperationInfo, Refusal } from "./openapi/operation.ts";
export { sqlTools, type SqlConnection, type SqlToolsOptions } from "./sql/sql-tools.ts";
export {
  codeTools,
  type CodeInput,
  type CodeLanguage,
  type CodeLimits,
  type CodeNetwork,
  type CodeResult,
  type CodeTool,
  type CodeToolsOptions,
  type JavaScriptError,
  type JavaScriptResult,
} from "./code/index.ts";
export { browserTools } from "./browser/browser-tools.ts";
export type { BrowserToolName, BrowserToolsOptions } from "./browser/browser-settings.ts";
export { memoryTools } from "./memory/memory-tools.ts";
export type { MemoryToolsOptions } from "./memory/memory-settings.ts";
export type { Recalled } from "./memory/recall.ts";
export type { MemoryChanged } from "./memory/remember.ts";
