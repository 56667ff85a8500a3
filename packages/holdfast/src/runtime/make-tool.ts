import { ToolError } from "../core/errors.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonValue } from "../core/json.ts";
import type { ToolOutput, UserPart } from "../core/message.ts";
import type { ToolPolicy } from "../core/run-settings.ts";
import type { Tool, ToolContext, Verification } from "../ports/tool.ts";
import type { CompiledSchema } from "./schema.ts";

/** A definition with its options resolved. */
export type ToolParts = {
  readonly name: string;
  readonly description: string;
  readonly input: CompiledSchema;
  readonly output: CompiledSchema | null;
  readonly policy: ToolPolicy;
  readonly maxOutputChars: number;
  execute(input: unknown, context: ToolContext): Promise<unknown>;
  verify?(input: unknown, context: ToolContext): Promise<Verification>;
  idempotencyKey?(input: unknown): string;
  toModelOutput?(output: unknown): string | readonly UserPart[];
};

/** Makes a tool the engine can dispatch. */
export const makeTool = (parts: ToolParts): Tool => ({
  name: parts.name,
  description: parts.description,
  inputSchema: parts.input.jsonSchema,
  policy: parts.policy,
  maxOutputChars: parts.maxOutputChars,
  parseInput: (input) => parts.input.check(input),
  execute: parts.execute,
  ...(parts.verify === undefined ? {} : { verify: parts.verify }),
  ...(parts.idempotencyKey === undefined ? {} : { idempotencyKey: parts.idempotencyKey }),
  toOutput: (result) => toOutput(parts, result),
});

const toOutput = async (parts: ToolParts, result: unknown): Promise<ToolOutput> => {
  const checked = parts.output === null ? result : await checkOutput(parts, parts.output, result);
  const shown = parts.toModelOutput?.(checked) ?? checked;
  if (typeof shown === "string") return { type: "text", value: shown };
  if (isParts(shown)) return { type: "content", value: shown };
  const value: JsonValue = shown === undefined ? null : toJournalValue(shown).value;
  return { type: "json", value };
};

const checkOutput = async (parts: ToolParts, schema: CompiledSchema, result: unknown): Promise<unknown> => {
  const checked = await schema.check(result);
  if (checked.ok) return checked.value;
  throw new ToolError(
    `The result of ${parts.name} does not fit its outputSchema: ${checked.issues.join("; ")}`,
  );
};

/** Content parts, as the journal holds them; anything else is a plain result. */
const isParts = (value: unknown): value is readonly UserPart[] =>
  Array.isArray(value) && value.length > 0 && value.every(isPart);

const isPart = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  if (value.type === "text") return "text" in value && typeof value.text === "string";
  return value.type === "file" && "mediaType" in value && "data" in value;
};
