import { HoldfastError } from "../core/errors.ts";
import type { History } from "../core/hand-off-terms.ts";
import type { JsonSchema, JsonValue } from "../core/json.ts";
import type { FileData, ProviderMetadata, ToolOutput, UserPart } from "../core/message.ts";
import type { ToolPolicy } from "../core/run-settings.ts";
import type { Tool, ToolContext, ToolIsolation, ToolUndo, Verification } from "../ports/tool.ts";
import type { ToolResource } from "../ports/tool-resource.ts";
import type { CompiledRule } from "./approval-rule.ts";
import type { ContentPart } from "./content-part.ts";
import type { CompiledSchema } from "./schema.ts";

/** What a tool's `verify` found out about an attempt of unknown outcome. */
export type VerifyResult<Output> =
  | { readonly status: "done"; readonly output: Output }
  | { readonly status: "not-done" }
  | { readonly status: "unknown"; readonly evidence?: unknown };

/** A definition with its options resolved. */
export type ToolParts = {
  readonly name: string;
  readonly description: string;
  readonly input: CompiledSchema;
  readonly output: CompiledSchema | null;
  readonly policy: ToolPolicy;
  readonly maxOutputChars: number;
  readonly isPinned?: boolean;
  readonly isolation?: ToolIsolation;
  readonly approval: CompiledRule | null;
  readonly resultSchema?: JsonSchema;
  readonly checkResult?: (input: unknown, result: unknown) => readonly string[];
  readonly execute: (input: unknown, context: ToolContext) => Promise<unknown>;
  readonly verify?: (input: unknown, context: ToolContext) => Promise<Verification>;
  readonly undo?: ToolUndo;
  readonly idempotencyKey?: (input: unknown) => string;
  readonly toMessage?: (input: unknown) => string;
  readonly history?: History;
  readonly circuit?: NonNullable<Tool["circuit"]>;
  readonly limits?: NonNullable<Tool["limits"]>;
  readonly fallback?: NonNullable<Tool["fallback"]>;
  readonly resource?: ToolResource;
  readonly toModelOutput?: (output: unknown) => string | readonly ContentPart[];
};

/** Makes a tool the engine can dispatch. */
export const makeTool = (parts: ToolParts): Tool => ({
  name: parts.name,
  description: parts.description,
  inputSchema: parts.input.jsonSchema,
  policy: parts.policy,
  maxOutputChars: parts.maxOutputChars,
  ...(parts.isPinned === true ? { isPinned: true } : {}),
  ...(parts.isolation === undefined ? {} : { isolation: parts.isolation }),
  parseInput: (input) => parts.input.check(input),
  execute: parts.execute,
  ...(parts.approval === null ? {} : { approval: parts.approval }),
  ...(parts.resultSchema === undefined ? {} : { resultSchema: parts.resultSchema }),
  ...(parts.checkResult === undefined ? {} : { checkResult: parts.checkResult }),
  ...(parts.verify === undefined ? {} : { verify: parts.verify }),
  ...(parts.undo === undefined ? {} : { undo: parts.undo }),
  ...(parts.idempotencyKey === undefined ? {} : { idempotencyKey: parts.idempotencyKey }),
  ...(parts.toMessage === undefined ? {} : { toMessage: parts.toMessage }),
  ...(parts.history === undefined ? {} : { history: parts.history }),
  ...(parts.circuit === undefined ? {} : { circuit: parts.circuit }),
  ...(parts.limits === undefined ? {} : { limits: parts.limits }),
  ...(parts.fallback === undefined ? {} : { fallback: parts.fallback }),
  ...(parts.resource === undefined ? {} : { resource: parts.resource }),
  toOutput: (result) => toOutput(parts, result),
});

const toOutput = async (parts: ToolParts, result: unknown): Promise<ToolOutput> => {
  const checked = parts.output === null ? result : await checkOutput(parts, parts.output, result);
  const shown = parts.toModelOutput?.(checked) ?? checked;
  if (typeof shown === "string") return { type: "text", value: shown };
  if (isParts(shown)) return { type: "content", value: shown.map(toUserPart) };
  // Whatever it is: the engine makes JSON of it, and notes what was lost by that.
  return { type: "json", value: (shown ?? null) as JsonValue };
};

const checkOutput = async (parts: ToolParts, schema: CompiledSchema, result: unknown): Promise<unknown> => {
  const checked = await schema.check(result);
  if (checked.ok) return checked.value;
  throw new HoldfastError(
    "TOOL_OUTPUT_INVALID",
    `The result of ${parts.name} does not fit its outputSchema: ${checked.issues.join("; ")}`,
  );
};

/** Content parts, as the journal holds them; anything else is a plain result. */
const isParts = (value: unknown): value is readonly ContentPart[] =>
  Array.isArray(value) && value.length > 0 && value.every(isPart);

const isPart = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  if (value.type === "text") return "text" in value && typeof value.text === "string";
  const isFile = value.type === "file" || value.type === "image";
  return isFile && "mediaType" in value && "data" in value && isFileData(value.data);
};

const isFileData = (data: unknown): boolean =>
  data instanceof Uint8Array ||
  data instanceof URL ||
  (typeof data === "object" && data !== null && "kind" in data);

const toUserPart = (part: ContentPart): UserPart => {
  if (part.type === "text") return { type: "text", text: part.text, ...metadataOf(part) };
  const filename = part.filename === undefined ? {} : { filename: part.filename };
  const { mediaType } = part;
  return { type: "file", mediaType, ...filename, data: toFileData(part.data), ...metadataOf(part) };
};

const metadataOf = (part: ContentPart): { readonly providerMetadata?: ProviderMetadata } => {
  const found = "providerMetadata" in part ? part.providerMetadata : undefined;
  const given = "providerOptions" in part ? part.providerOptions : found;
  return given === undefined ? {} : { providerMetadata: given };
};

const toFileData = (data: Uint8Array | URL | FileData): FileData => {
  if (data instanceof URL) return { kind: "url", url: data.href };
  if (data instanceof Uint8Array) return { kind: "base64", base64: Buffer.from(data).toString("base64") };
  return data;
};
