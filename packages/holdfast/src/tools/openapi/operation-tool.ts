import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { schemesFor, type Authority } from "./authorise.ts";
import { callOperation, type CallPlan } from "./call-operation.ts";
import { isHeaderName, type OpenApiSettings } from "./openapi-options.ts";
import type { Operation, OperationInfo, Parameter, SecurityAlternative } from "./operation.ts";
import { operationEffect } from "./operation-effect.ts";
import { withSafeNames } from "./safe-names.ts";
import type { SchemaConverter } from "./schema-converter.ts";
import { shortText } from "./schema-keywords.ts";
import { withoutStatic, withStatic } from "./static-arguments.ts";
import { makeToolInput } from "./tool-input.ts";

/** What all tools of a document share. */
export type DocumentParts = {
  readonly root: JsonObject;
  readonly converter: SchemaConverter;
  readonly authority: Authority;
  readonly settings: OpenApiSettings;
  readonly isTrusted: boolean;
};

export type ApiTool = DefinedTool<JsonValue, JsonValue>;

/** Makes the tool of an operation that is called at `server`. */
export const operationTool = (
  operation: Operation,
  {
    info,
    server,
    parts,
  }: { readonly info: OperationInfo; readonly server: string; readonly parts: DocumentParts },
): ApiTool => {
  const { root, converter, authority, settings, isTrusted } = parts;
  const needed = schemesFor(operation.security, authority);
  const idempotencyHeader = idempotencyHeaderOf(operation, settings);
  const asked = {
    ...operation,
    parameters: askedParameters(operation, { needed, parts, idempotencyHeader }),
  };
  const input = makeToolInput(asked, { root, converter, maxSchemaChars: settings.maxSchemaChars });
  const given = staticArgumentsOf(operation, info, settings);
  const plan: CallPlan = {
    request: { root, operation: asked, server, files: input.files, idempotencyHeader },
    authority,
    needed,
    headers: Object.entries(settings.headers ?? {}),
    maxResponseBytes: settings.maxResponseBytes,
    now: settings.now ?? null,
  };
  const approval = approvalOf(operation, info, settings);
  const shown = withoutStatic(input.schema, given);
  const { schema, restore } =
    settings.safeNames === true ? withSafeNames(shown) : { schema: shown, restore: asIs };
  return defineTool()({
    name: info.toolName,
    description: descriptionOf(operation),
    inputSchema: schema,
    effect: settings.effect?.(info) ?? operationEffect(operation, isTrusted),
    ...(settings.timeoutMs === undefined ? {} : { timeoutMs: settings.timeoutMs }),
    ...(settings.retry === undefined ? {} : { retry: settings.retry }),
    ...(settings.maxOutputChars === undefined ? {} : { maxOutputChars: settings.maxOutputChars }),
    ...(settings.circuit === undefined ? {} : { circuit: settings.circuit }),
    ...(approval === undefined ? {} : { needsApproval: approval }),
    execute: async (value, context) => {
      const own = restore(isJsonObject(value) ? value : {});
      return await callOperation(plan, input.split(withStatic(own, given)), context);
    },
  });
};

const asIs = (input: JsonObject): JsonObject => input;

const IDEMPOTENCY_HEADER = /^(?:x-)?idempotency-key$/i;

/** Where the API takes a key of ours; a model has none to give. */
const idempotencyHeaderOf = (
  { method, parameters }: Operation,
  { idempotencyHeader }: OpenApiSettings,
): string | null => {
  const declared = parameters.find(({ place, name }) => place === "header" && IDEMPOTENCY_HEADER.test(name));
  if (declared !== undefined) return declared.name;
  return method === "POST" || method === "PATCH" ? (idempotencyHeader ?? null) : null;
};

type Asking = {
  readonly needed: SecurityAlternative | null;
  readonly parts: DocumentParts;
  readonly idempotencyHeader: string | null;
};

/** The parameters that the model gives: none that something else supplies, and none that no header can have. */
const askedParameters = (
  { parameters }: Operation,
  { needed, parts, idempotencyHeader }: Asking,
): readonly Parameter[] => {
  const supplied = new Set([
    ...Object.keys(parts.settings.headers ?? {}).map((name) => `header ${name.toLowerCase()}`),
    ...[...(needed?.keys() ?? [])].map((scheme) => suppliedBy(scheme, parts)),
    ...(idempotencyHeader === null ? [] : [`header ${idempotencyHeader.toLowerCase()}`]),
  ]);
  return parameters.filter(({ place, name }) => {
    if (place !== "header") return !supplied.has(`${place} ${name}`);
    return isHeaderName(name) && !supplied.has(`header ${name.toLowerCase()}`);
  });
};

const suppliedBy = (name: string, { authority }: DocumentParts): string => {
  const scheme = authority.schemes.get(name);
  if (scheme?.kind !== "api-key") return "header authorization";
  return `${scheme.place} ${scheme.place === "header" ? scheme.name.toLowerCase() : scheme.name}`;
};

const MAX_DESCRIPTION_CHARS = 1_024;

const descriptionOf = ({ method, path, summary, description, isDeprecated }: Operation): string => {
  const texts = [summary, description === summary ? "" : description].filter((text) => text !== "");
  const said = texts.length === 0 ? [`${method} ${path}`] : texts;
  return shortText([...(isDeprecated ? ["Deprecated."] : []), ...said].join("\n\n"), MAX_DESCRIPTION_CHARS);
};

const staticArgumentsOf = (
  { hints }: Operation,
  info: OperationInfo,
  { staticArguments: given }: OpenApiSettings,
): JsonObject => {
  const hinted = hints["x-holdfast-static-arguments"];
  const own =
    typeof given === "function"
      ? (given as (operation: OperationInfo) => JsonObject | undefined)(info)
      : given;
  return withStatic(hinted !== undefined && isJsonObject(hinted) ? hinted : {}, own ?? {});
};

const approvalOf = (
  { hints }: Operation,
  info: OperationInfo,
  { needsApproval }: OpenApiSettings,
): ApprovalRule<JsonValue> | undefined => {
  const said = typeof needsApproval === "function" ? needsApproval(info) : needsApproval;
  return said ?? (hints["x-holdfast-needs-approval"] === true ? true : undefined);
};
