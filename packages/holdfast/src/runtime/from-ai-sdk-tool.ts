import { ConfigurationError } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { RetryPolicy } from "../core/retry-policy.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import type { ToolContext } from "../ports/tool.ts";
import type { ApprovalRule } from "../definitions/approval-rule.ts";
import { defineTool, type DefinedTool } from "../definitions/define-tool.ts";
import type { VerifyResult } from "../definitions/make-tool.ts";
import type { Schema } from "../definitions/schema.ts";

/** The part of an AI SDK tool that matters here; any version's `tool({ … })` fits. */
export type AiSdkTool = {
  readonly description?: string | ((options: never) => string) | undefined;
  readonly inputSchema?: unknown;
  readonly execute?: ((input: never, options: never) => unknown) | undefined;
  readonly needsApproval?:
    | boolean
    | ((input: never, options: never) => boolean | PromiseLike<boolean>)
    | undefined;
};

export type FromAiSdkToolOptions = {
  readonly name: string;
  /** AI SDK tools do not say it. When in doubt: `write`. */
  readonly effect: ToolEffect;
  readonly description?: string;
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly maxOutputChars?: number;
  /** In place of the tool's own `needsApproval`. */
  readonly needsApproval?: ApprovalRule<unknown>;
  readonly verify?: (input: unknown, context: ToolContext) => Promise<VerifyResult<unknown>>;
};

/** Takes over a tool written for the AI SDK. @throws ConfigurationError when it has no `execute`. */
export const fromAiSdkTool = (tool: AiSdkTool, options: FromAiSdkToolOptions): DefinedTool => {
  const { execute } = tool;
  if (typeof execute !== "function") {
    throw new ConfigurationError("DEFINITION_INVALID", `tool "${options.name}" has no execute function.`, {
      hint: "A tool that the caller runs cannot be taken over; give it an execute.",
    });
  }
  const { name, effect, verify, ...rest } = options;
  const run = execute as (input: unknown, options: object) => unknown;
  return defineTool()({
    ...rest,
    name,
    effect,
    description: options.description ?? descriptionOf(tool, name),
    inputSchema: schemaOf(tool.inputSchema, name),
    needsApproval: options.needsApproval ?? ruleOf(tool),
    execute: async (input: unknown, context) =>
      collect(run(input, { toolCallId: context.callId, messages: [], abortSignal: context.signal })),
    ...(verify === undefined ? {} : { verify }),
  });
};

/** The SDK's rule is told the call and no messages; there it is asked before the call, and so it is here. */
const ruleOf = ({ needsApproval }: AiSdkTool): ApprovalRule<unknown> => {
  if (typeof needsApproval !== "function") return needsApproval ?? false;
  const rule = needsApproval as (input: unknown, options: object) => boolean | PromiseLike<boolean>;
  return async (input, { callId }) => rule(input, { toolCallId: callId, messages: [] });
};

const descriptionOf = ({ description }: AiSdkTool, name: string): string => {
  if (typeof description !== "function") return description ?? name;
  throw new ConfigurationError("DEFINITION_INVALID", `The description of tool "${name}" is a function.`, {
    hint: "It is made from the AI SDK's own context; say here what the tool does: fromAiSdkTool(tool, { description }).",
  });
};

/** Standard Schemas are taken as they are; the SDK's own wrapper carries JSON Schema, or a promise of it. */
const schemaOf = (schema: unknown, name: string): Schema => {
  const given: unknown = typeof schema === "function" && !("~standard" in schema) ? schema() : schema;
  if ((typeof given === "object" || typeof given === "function") && given !== null) {
    if ("~standard" in given) return given as Schema;
    if ("jsonSchema" in given && !isThenable(given.jsonSchema)) {
      const { value } = toJournalValue(given.jsonSchema);
      if (isJsonObject(value)) return value;
    }
  }
  throw new ConfigurationError("DEFINITION_INVALID", `The input schema of tool "${name}" cannot be used.`, {
    hint: "Give the AI SDK tool a zod schema or jsonSchema({ … }).",
  });
};

const isThenable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "then" in value;

/** AI SDK tools may yield preliminary results; the last one counts. */
const collect = async (result: unknown): Promise<unknown> => {
  if (typeof result !== "object" || result === null || !(Symbol.asyncIterator in result)) return result;
  let last: unknown;
  for await (const part of result as AsyncIterable<unknown>) last = part;
  return last;
};
