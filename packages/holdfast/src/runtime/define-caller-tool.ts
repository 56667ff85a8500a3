import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { HoldfastError } from "../core/errors.ts";
import { compileRule, type ApprovalRule } from "../definitions/approval-rule.ts";
import { checkToolName, DEFAULT_MAX_OUTPUT_CHARS, type DefinedTool } from "../definitions/define-tool.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { ContentPart } from "../definitions/content-part.ts";
import { makeTool } from "../definitions/make-tool.ts";
import { compileSchema, type Schema, type SchemaOutput } from "../definitions/schema.ts";

/** A tool that whoever called the agent runs: in a browser, at a desk, in another system. */
export type CallerToolDefinition<Input extends Schema, Output extends Schema> = {
  /** 1 to 64 letters, digits, `_` or `-`. */
  readonly name: string;
  /** Told to the model: what it does, when to use it. */
  readonly description: string;
  readonly inputSchema: Input;
  /** What a result has to be; one that is not is refused when it is brought. */
  readonly outputSchema?: Output;
  /** How long a result is waited for; for ever by default. Then the model is told that none came. */
  readonly timeoutMs?: number;
  readonly needsApproval?: ApprovalRule<SchemaOutput<Input>>;
  readonly maxOutputChars?: number;
  readonly toModelOutput?: (output: SchemaOutput<Output>) => string | readonly ContentPart[];
  /** What is wrong with a result for this input; nothing when it is well. */
  readonly checkResult?: (input: SchemaOutput<Input>, result: unknown) => readonly string[];
};

const KNOWN = [
  "name",
  "description",
  "inputSchema",
  "outputSchema",
  "timeoutMs",
  "needsApproval",
  "maxOutputChars",
  "toModelOutput",
  "checkResult",
];

/**
 * Defines a tool that the caller runs (return of control). A call of it is journaled and suspends the run;
 * `session.pending()` says what is to be done, `session.submitResult(callId, …)` brings what came of it.
 *
 * @throws ConfigurationError when the definition is not usable.
 */
export const defineCallerTool = <Input extends Schema, Output extends Schema = Schema>(
  definition: CallerToolDefinition<Input, Output>,
): DefinedTool<SchemaOutput<Input>, SchemaOutput<Output>> => {
  const owner = `tool "${String(definition.name)}"`;
  checkOptions(definition, { owner, known: KNOWN, later: [] });
  checkToolName(definition.name);
  const { outputSchema, toModelOutput, checkResult, timeoutMs, maxOutputChars } = definition;
  const output = outputSchema === undefined ? null : compileSchema(outputSchema, `${owner}: outputSchema`);
  return makeTool({
    name: definition.name,
    description: definition.description,
    input: compileSchema(definition.inputSchema, `${owner}: inputSchema`),
    output,
    policy: {
      effect: "write",
      timeoutMs: timeoutMs === undefined ? 0 : positiveInteger(owner, "timeoutMs", timeoutMs),
      retry: { maxAttempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
      canVerify: false,
      by: "caller",
      undo: null,
    },
    maxOutputChars: positiveInteger(owner, "maxOutputChars", maxOutputChars ?? DEFAULT_MAX_OUTPUT_CHARS),
    approval: compileRule(definition.needsApproval, owner),
    execute: async () => {
      throw new HoldfastError("INTERNAL", `${owner} is run by the caller.`);
    },
    ...(output === null ? {} : { resultSchema: output.jsonSchema }),
    ...(checkResult === undefined
      ? {}
      : { checkResult: (input, result) => checkResult(input as SchemaOutput<Input>, result) }),
    ...(toModelOutput === undefined
      ? {}
      : { toModelOutput: (value) => toModelOutput(value as SchemaOutput<Output>) }),
  });
};

export type AskUserOptions<Answer extends Schema> = {
  /** `ask_user` by default. */
  readonly name?: string;
  readonly description?: string;
  /** The form of an answer; text by default, or one of the choices where the model gives some. */
  readonly answerSchema?: Answer;
  readonly timeoutMs?: number;
};

type Question = { readonly question: string; readonly choices?: readonly string[] };

const QUESTION_JSON = {
  type: "object",
  properties: {
    question: { type: "string", description: "What to ask, in one or two sentences." },
    choices: { type: "array", items: { type: "string" }, description: "Answers to choose from, if any." },
  },
  required: ["question"],
};

/** By hand: no schema library is loaded for it, which everybody who never asks would wait for. */
const QUESTION: StandardSchemaV1<Question> & StandardJSONSchemaV1 = {
  "~standard": {
    version: 1,
    vendor: "holdfast",
    validate: (value) => (isQuestion(value) ? { value } : { issues: [{ message: NO_QUESTION }] }),
    jsonSchema: { input: () => QUESTION_JSON, output: () => QUESTION_JSON },
  },
};

const NO_QUESTION = 'Give "question" as text and, if any, "choices" as a list of texts.';

const isQuestion = (value: unknown): value is Question => {
  if (typeof value !== "object" || value === null || !("question" in value)) return false;
  const choices = "choices" in value ? value.choices : [];
  const isList = Array.isArray(choices) && choices.every((choice) => typeof choice === "string");
  return typeof value.question === "string" && isList;
};

/** A tool with which the model asks whoever it works for: a question, choices, or a form to fill in. */
export const askUserTool = <Answer extends Schema = Schema>(
  options: AskUserOptions<Answer> = {},
): DefinedTool<unknown, SchemaOutput<Answer>> => {
  checkOptions(options, {
    owner: "askUserTool",
    known: ["name", "description", "answerSchema", "timeoutMs"],
    later: [],
  });
  const { name = "ask_user", description = ASK_DESCRIPTION, answerSchema, timeoutMs } = options;
  return defineCallerTool<typeof QUESTION, Answer>({
    name,
    description,
    inputSchema: QUESTION,
    ...(answerSchema === undefined ? { checkResult: checkAnswer } : { outputSchema: answerSchema }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
};

const ASK_DESCRIPTION =
  "Asks the user a question and waits for the answer. Use it when you cannot go on without them.";

const checkAnswer = ({ choices = [] }: Question, answer: unknown): readonly string[] => {
  if (typeof answer !== "string") return ["The answer must be text."];
  if (choices.length === 0 || choices.includes(answer)) return [];
  return [`The answer must be one of: ${choices.join(", ")}.`];
};
