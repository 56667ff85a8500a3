import { ConfigurationError } from "../../core/errors.ts";
import { nearestName } from "../../core/nearest-name.ts";
import { toFailure } from "../../core/failure.ts";
import { AccessTokens } from "./access-tokens.ts";
import { listOperations } from "./list-operations.ts";
import { loadDocument, type LoadedDocument } from "./load-document.ts";
import { type OpenApiOptions, type OpenApiSettings, resolveOptions } from "./openapi-options.ts";
import type { Operation, OperationInfo, Refusal } from "./operation.ts";
import { isMeant } from "./operation-filter.ts";
import { type ApiTool, type DocumentParts, operationTool } from "./operation-tool.ts";
import { SchemaConverter } from "./schema-converter.ts";
import { readSecuritySchemes, type SecurityScheme } from "./security-scheme.ts";
import { absoluteServer, documentServer } from "./servers.ts";
import { toolNames } from "./tool-names.ts";

/**
 * Makes a tool of each operation of an API, from its OpenAPI document (2, 3.0 or 3.1): an object, an address, or the path of
 * a file in JSON or YAML.
 *
 * @throws ConfigurationError when the document or an option is not usable.
 */
export const openapiTools = async (
  documentOrUrl: string | URL | object,
  options: OpenApiOptions = {},
): Promise<readonly ApiTool[]> => {
  const settings = resolveOptions(options);
  const document = await loadDocument(documentOrUrl);
  const parts = partsOf(document, settings);
  const { operations, refused } = listOperations(document.root);
  const names = toolNames(operations, settings.namePrefix ?? "");
  const refusals: Refusal[] = [...refused];
  const tools = operations.flatMap((operation) => {
    const info = infoOf(operation, names.get(operation) ?? "");
    if (!isWanted(info, settings)) return [];
    const made = makeOne(operation, { info, document, parts });
    if (!("reason" in made)) return [made];
    refusals.push(made);
    return [];
  });
  tellRefusals(refusals, settings);
  return tools;
};

const partsOf = ({ root, url }: LoadedDocument, settings: OpenApiSettings): DocumentParts => {
  const schemes = readSecuritySchemes(root);
  checkAuth(settings, schemes);
  return {
    root,
    converter: new SchemaConverter(root),
    authority: {
      schemes,
      resolvers: new Map(Object.entries(settings.auth ?? {})),
      tokens: new AccessTokens(settings.now ?? null),
      documentUrl: url,
    },
    settings,
    isTrusted: settings.isTrusted ?? url === null,
  };
};

const checkAuth = ({ auth = {} }: OpenApiSettings, schemes: ReadonlyMap<string, SecurityScheme>): void => {
  const unknown = Object.keys(auth).find((name) => !schemes.has(name));
  if (unknown === undefined) return;
  const known = [...schemes.keys()];
  const near = nearestName(unknown, known);
  throw new ConfigurationError(
    "OPTION_INVALID",
    `openapiTools: the document has no security scheme "${unknown}" that takes a credential.`,
    {
      hint:
        near === undefined
          ? `It has: ${known.join(", ") || "none; what every request needs can be given as headers"}.`
          : `Did you mean "${near}"?`,
    },
  );
};

const infoOf = (operation: Operation, toolName: string): OperationInfo => {
  const { operationId, method, path, summary, tags, isDeprecated } = operation;
  return { operationId, method, path, summary, tags, isDeprecated, toolName };
};

const isWanted = (info: OperationInfo, { include, exclude }: OpenApiSettings): boolean =>
  (include === undefined || isMeant(info, include)) && (exclude === undefined || !isMeant(info, exclude));

type Making = {
  readonly info: OperationInfo;
  readonly document: LoadedDocument;
  readonly parts: DocumentParts;
};

const makeOne = (operation: Operation, { info, document, parts }: Making): ApiTool | Refusal => {
  const { method, path } = operation;
  const server = serverFor(operation, document, parts.settings);
  if (server === null) return { method, path, reason: "no server is known for it: give a baseUrl" };
  try {
    return operationTool(operation, { info, server, parts });
  } catch (thrown) {
    // An option that is wrong is wrong for all of them.
    if (thrown instanceof ConfigurationError && thrown.code !== "DEFINITION_INVALID") throw thrown;
    return { method, path, reason: toFailure(thrown).message };
  }
};

const serverFor = (
  { server }: Operation,
  { root, url }: LoadedDocument,
  { baseUrl }: OpenApiSettings,
): string | null => {
  if (baseUrl === undefined) {
    const said = server ?? documentServer(root) ?? (url === null ? null : "/");
    return said === null ? null : absoluteServer(said, url);
  }
  const given = absoluteServer(baseUrl, null);
  if (given !== null) return given;
  throw new ConfigurationError("OPTION_INVALID", `openapiTools: baseUrl is no address of an API.`, {
    hint: "Give it as https://host/path, without a user, a password or placeholders.",
  });
};

const tellRefusals = (refusals: readonly Refusal[], { onRefused }: OpenApiSettings): void => {
  if (onRefused !== undefined) return refusals.forEach(onRefused);
  const [first] = refusals;
  if (first === undefined) return;
  const more = refusals.length === 1 ? "" : ` Nor of ${refusals.length - 1} others.`;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `No tool can be made of ${first.method} ${first.path}: ${first.reason}.${more}`,
    { hint: "Leave such operations out with exclude, or give onRefused to go on without them." },
  );
};
