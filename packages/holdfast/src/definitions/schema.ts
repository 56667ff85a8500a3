import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { ConfigurationError } from "../core/errors.ts";
import { toJournalValue } from "../core/journal-value.ts";
import { isJsonObject, type JsonSchema, type JsonValue } from "../core/json.ts";
import { runWithin } from "./run-within.ts";

/** A schema a user may give: any Standard Schema (zod, valibot, arktype, …), or plain JSON Schema. */
export type Schema = StandardSchemaV1 | JsonSchema;

/** What a value is once it has passed the schema. */
export type SchemaOutput<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : JsonValue;

export type SchemaCheck =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly string[] };

/** A schema in the two forms we need: to check with, and to show to a model. */
export type CompiledSchema = {
  readonly jsonSchema: JsonSchema;
  /** Never throws. */
  check(value: unknown): SchemaCheck | Promise<SchemaCheck>;
};

const isStandardSchema = (schema: unknown): schema is StandardSchemaV1 =>
  (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;

const hasJsonSchema = (schema: StandardSchemaV1): schema is StandardSchemaV1 & StandardJSONSchemaV1 =>
  "jsonSchema" in schema["~standard"];

/** Compiles a schema once, when a definition is made, so that mistakes show at once and not in a run. */
export const compileSchema = (schema: Schema, owner: string): CompiledSchema => {
  if (isStandardSchema(schema)) return compileStandard(schema, owner);
  if (isJsonObject(schema)) return compileJsonSchema(schema, owner);
  throw new ConfigurationError("DEFINITION_INVALID", `${owner} is not a schema.`, {
    hint: "Give a zod schema (or any Standard Schema), or a JSON Schema object.",
  });
};

const compileStandard = (schema: StandardSchemaV1, owner: string): CompiledSchema => ({
  jsonSchema: standardToJson(schema, owner),
  check: (value) => {
    try {
      const result = schema["~standard"].validate(value);
      // Most schemas answer at once; those that look something up do not.
      return "then" in result ? Promise.resolve(result).then(toCheck).catch(notApplied) : toCheck(result);
    } catch (thrown) {
      return notApplied(thrown);
    }
  },
});

const toCheck = (result: StandardSchemaV1.Result<unknown>): SchemaCheck =>
  result.issues === undefined
    ? { ok: true, value: result.value }
    : { ok: false, issues: result.issues.map(issueText) };

const notApplied = (thrown: unknown): SchemaCheck => ({
  ok: false,
  issues: [`the schema could not be applied: ${thrown instanceof Error ? thrown.message : "it threw"}`],
});

const issueText = (issue: StandardSchemaV1.Issue): string => {
  const path = issue.path?.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  return path === undefined || path === "" ? issue.message : `${path}: ${issue.message}`;
};

const standardToJson = (schema: StandardSchemaV1, owner: string): JsonSchema => {
  if (!hasJsonSchema(schema)) {
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      `${owner}: this schema library cannot say its JSON Schema.`,
      {
        hint: "Use zod 4.2 or later, another library with Standard JSON Schema, or give plain JSON Schema.",
        details: { vendor: schema["~standard"].vendor },
      },
    );
  }
  try {
    const { value } = toJournalValue(schema["~standard"].jsonSchema.input({ target: "draft-07" }));
    if (isJsonObject(value)) return value;
  } catch (cause) {
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      `${owner} cannot be shown to a model as JSON Schema.`,
      {
        hint: "Dates, transforms without an input type and the like have no JSON form; use strings or numbers.",
        cause,
      },
    );
  }
  throw new ConfigurationError("DEFINITION_INVALID", `${owner} has no JSON Schema.`);
};

type AjvCheck = ((value: unknown) => boolean) & { errors?: readonly AjvError[] | null };
type AjvError = {
  readonly instancePath: string;
  readonly message?: string;
  /** What the message is about: https://ajv.js.org/api.html#error-parameters */
  readonly params?: { readonly additionalProperty?: string; readonly allowedValues?: readonly unknown[] };
};

/** Longest time that one value may take to be checked, and a schema to be compiled, in milliseconds: nothing else is done meanwhile. */
const CHECK_MS = 1_000;
const COMPILE_MS = 10_000;

const compileJsonSchema = (schema: JsonSchema, owner: string): CompiledSchema => {
  let compiled: Promise<AjvCheck> | null = null;
  const mayTakeLong = hasSlowKeyword(schema);
  return {
    jsonSchema: schema,
    check: async (value) => {
      // Loaded when first used: most definitions never need it.
      compiled ??= compileWithAjv(schema, owner);
      const check = await compiled;
      try {
        return mayTakeLong ? runWithin(CHECK_MS, () => applied(check, value)) : applied(check, value);
      } catch (thrown) {
        return notApplied(thrown);
      }
    },
  };
};

const applied = (check: AjvCheck, value: unknown): SchemaCheck =>
  check(value) ? { ok: true, value } : { ok: false, issues: (check.errors ?? []).map(ajvIssue) };

/**
 * Whether there are values for which this schema takes years. It may be a stranger's: an expression of his can go over a text in
 * more ways than anybody can wait for, and definitions that refer to each other twice can be more than there are atoms.
 */
const hasSlowKeyword = (schema: JsonSchema): boolean =>
  /"(?:pattern|patternProperties|uniqueItems|\$\w*[rR]ef)":/.test(JSON.stringify(schema));

const ajvIssue = (error: AjvError): string => {
  const path = error.instancePath.replaceAll("/", ".").slice(1);
  const said = `${error.message ?? "not valid"}${aboutWhat(error)}`;
  return path === "" ? said : `${path}: ${said}`;
};

/** A model mends what it is told by name. */
const aboutWhat = ({ params }: AjvError): string => {
  if (params?.additionalProperty !== undefined) return `: "${params.additionalProperty}"`;
  return params?.allowedValues === undefined ? "" : `: ${JSON.stringify(params.allowedValues).slice(0, 500)}`;
};

/** Dialects of JSON Schema that came after draft 7. */
const IS_NEWER = /\/draft\/20(19-09|20-12)\//;

const compileWithAjv = async (schema: JsonSchema, owner: string): Promise<AjvCheck> => {
  const isNewer = IS_NEWER.test(JSON.stringify(schema["$schema"] ?? ""));
  const Ajv = isNewer ? (await import("ajv/dist/2020.js")).Ajv2020 : (await import("ajv")).Ajv;
  try {
    // A format says what is meant; which there are is for each schema to know, so none is checked.
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    return runWithin(COMPILE_MS, () => ajv.compile(schema));
  } catch (cause) {
    throw new ConfigurationError("DEFINITION_INVALID", `${owner} is not a valid JSON Schema.`, { cause });
  }
};
