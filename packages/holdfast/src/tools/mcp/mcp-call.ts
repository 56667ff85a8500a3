import type { FormRequest } from "./form-request.ts";
import type { McpAnswer } from "./mcp-options.ts";

/** What a call is sent with, beside its input, when it goes on after questions. */
export type Continuation = {
  readonly inputResponses?: Record<string, unknown>;
  readonly requestState?: string;
};

/** A call that a connection is busy with, as the connection knows it. */
export type McpCall = {
  /** What is answered to a question that comes while the server works on it. */
  readonly answer: (request: FormRequest) => Promise<McpAnswer>;
};
