import { ConfigurationError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { RetryPolicy } from "../../core/retry-policy.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import type { CircuitOptions } from "../../definitions/circuit-options.ts";
import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { CredentialResolver } from "./credential.ts";
import type { OperationInfo, Refusal } from "./operation.ts";

/**
 * Which operations are meant: by `operationId`, `METHOD /path` or `tag:name`, where `*` stands for anything, or by
 * a function.
 */
export type OperationFilter = readonly string[] | ((operation: OperationInfo) => boolean);

/** What a header is set to: a text, or what says it at every call. */
export type HeaderValue = string | ((context: ToolContext) => string | Promise<string>);

/** What `openapiTools` may be told beside the document. */
export type OpenApiOptions = {
  /** Where the API is; what the document says by default. */
  readonly baseUrl?: string;
  /** Credentials by the name of their security scheme in the document, asked for at every call. */
  readonly auth?: { readonly [scheme: string]: CredentialResolver };
  /** Headers sent with every request. A function's value is taken for a credential, and never shown. */
  readonly headers?: { readonly [name: string]: HeaderValue };
  /** Operations to make tools of; all by default. */
  readonly include?: OperationFilter;
  /** Operations to leave out of those. */
  readonly exclude?: OperationFilter;
  /** What calling an operation does, where method and document do not say it rightly; undefined leaves it. */
  readonly effect?: (operation: OperationInfo) => ToolEffect | undefined;
  /** Whether somebody has to approve calls: of all operations, or as it says of each. */
  readonly needsApproval?: boolean | ((operation: OperationInfo) => ApprovalRule<JsonValue> | undefined);
  /** Arguments that the model does not see, and that go over its own: for all operations that have them, or for each. */
  readonly staticArguments?: JsonObject | ((operation: OperationInfo) => JsonObject | undefined);
  /** Put before the name of each tool. */
  readonly namePrefix?: string;
  /** A header in which the API takes idempotency keys although its document does not say so. */
  readonly idempotencyHeader?: string;
  /** Longest time of one attempt; 30 s by default. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly maxOutputChars?: number;
  /** Not calling the API for a while when it keeps failing; one circuit for all its tools where it is given a name. */
  readonly circuit?: true | CircuitOptions;
  /** Whether members such as `$filter` get names that every provider takes; some refuse all tools for one such name. */
  readonly safeNames?: boolean;
  /** How much of an answer is read; 10 MB by default. */
  readonly maxResponseBytes?: number;
  /** Longest text of the definitions that one tool's schema may bring, in characters; 60,000 by default. */
  readonly maxSchemaChars?: number;
  /** Whether `x-holdfast-effect` may make an effect weaker too: true by default, but not for a document from a URL (E2). */
  readonly isTrusted?: boolean;
  /** Told of operations that no tool can be made of; without it they are an error. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** `Date.now`, so that access tokens are renewed before they end; without it, when the API refuses them. */
  readonly now?: () => number;
};

const KNOWN = [
  "baseUrl",
  "auth",
  "headers",
  "include",
  "exclude",
  "effect",
  "needsApproval",
  "staticArguments",
  "namePrefix",
  "idempotencyHeader",
  "timeoutMs",
  "retry",
  "maxOutputChars",
  "circuit",
  "safeNames",
  "maxResponseBytes",
  "maxSchemaChars",
  "isTrusted",
  "onRefused",
  "now",
];

const OWNER = "openapiTools";
const DEFAULT_MAX_RESPONSE_BYTES = 10_000_000;
const DEFAULT_MAX_SCHEMA_CHARS = 60_000;

/** Options with their defaults. */
export type OpenApiSettings = OpenApiOptions & {
  readonly maxResponseBytes: number;
  readonly maxSchemaChars: number;
};

/** @throws ConfigurationError when an option is unknown or cannot be used. */
export const resolveOptions = (options: OpenApiOptions): OpenApiSettings => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  const { maxResponseBytes = DEFAULT_MAX_RESPONSE_BYTES, maxSchemaChars = DEFAULT_MAX_SCHEMA_CHARS } =
    options;
  positiveInteger(OWNER, "maxResponseBytes", maxResponseBytes);
  positiveInteger(OWNER, "maxSchemaChars", maxSchemaChars);
  const { idempotencyHeader, headers = {} } = options;
  for (const name of [
    ...Object.keys(headers),
    ...(idempotencyHeader === undefined ? [] : [idempotencyHeader]),
  ]) {
    if (!isHeaderName(name))
      throw new ConfigurationError("OPTION_INVALID", `${OWNER}: "${name}" cannot be the name of a header.`);
  }
  return { ...options, maxResponseBytes, maxSchemaChars };
};

export const isHeaderName = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name);
