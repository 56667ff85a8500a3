import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { follow } from "./resolve-ref.ts";

/** How a credential is shown to an API. */
export type SecurityScheme =
  | { readonly kind: "api-key"; readonly place: "query" | "header" | "cookie"; readonly name: string }
  | { readonly kind: "basic" }
  | { readonly kind: "bearer" }
  | { readonly kind: "oauth2"; readonly tokenUrl: string | null };

/** The schemes of a document by name; what cannot be satisfied with a credential is not among them. */
export const readSecuritySchemes = (root: JsonObject): ReadonlyMap<string, SecurityScheme> => {
  const components = root["components"];
  const given =
    root["swagger"] === undefined
      ? components !== undefined && isJsonObject(components)
        ? components["securitySchemes"]
        : undefined
      : root["securityDefinitions"];
  if (given === undefined || !isJsonObject(given)) return new Map();
  return new Map(
    Object.entries(given).flatMap(([name, value]) => {
      const scheme = readScheme(follow(root, value) ?? {});
      return scheme === null ? [] : [[name, scheme]];
    }),
  );
};

const readScheme = (given: JsonObject): SecurityScheme | null => {
  const { type, name, scheme } = given;
  const place = (["query", "header", "cookie"] as const).find((each) => each === given["in"]);
  if (type === "apiKey" && typeof name === "string" && place !== undefined)
    return { kind: "api-key", place, name };
  if (type === "basic") return { kind: "basic" };
  if (type === "http") {
    if (typeof scheme !== "string") return null;
    return { kind: scheme.toLowerCase() === "basic" ? "basic" : "bearer" };
  }
  if (type === "oauth2") return { kind: "oauth2", tokenUrl: tokenUrlOf(given) };
  return type === "openIdConnect" ? { kind: "bearer" } : null;
};

const tokenUrlOf = (given: JsonObject): string | null => {
  const { flows } = given;
  const flow = flows !== undefined && isJsonObject(flows) ? flows["clientCredentials"] : given;
  const url = flow !== undefined && isJsonObject(flow) ? flow["tokenUrl"] : undefined;
  return typeof url === "string" ? url : null;
};
