export {
  createModelServer,
  type ModelServer,
  type ModelServerOptions,
  type WireRequest,
  type WireSent,
} from "./create-model-server.ts";
export type {
  RefusalReason,
  WireFault,
  WireScript,
  WireStep,
  WireToolCall,
  WireToolResult,
  WireTurn,
} from "./wire-script.ts";
