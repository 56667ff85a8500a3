import type { JsonObject, JsonValue } from "../../core/json.ts";

/** Where a parameter goes. */
export type ParameterPlace = "path" | "query" | "header" | "cookie";

export const PARAMETER_PLACES: readonly ParameterPlace[] = ["path", "query", "header", "cookie"];

/** How a value that is more than a text is written; `tabDelimited` is of Swagger 2. */
export type ParameterStyle =
  | "matrix"
  | "label"
  | "simple"
  | "form"
  | "spaceDelimited"
  | "pipeDelimited"
  | "tabDelimited"
  | "deepObject";

/** How a parameter or a field of a form is written. */
export type Serialisation = {
  readonly style: ParameterStyle;
  readonly explode: boolean;
  /** Whether characters with a meaning in URLs are left as they are. */
  readonly allowReserved: boolean;
};

export type Parameter = {
  readonly name: string;
  readonly place: ParameterPlace;
  readonly isRequired: boolean;
  readonly description: string;
  /** As the document has it. */
  readonly schema: JsonValue | undefined;
  /** Null where it is written as JSON. */
  readonly serialisation: Serialisation | null;
};

export type BodyKind = "json" | "form" | "multipart" | "xml" | "text" | "file";

/** How one field of a form is written, where the document says so. */
export type FieldEncoding = {
  readonly serialisation: Serialisation | null;
  readonly contentType: string | null;
};

export type Body = {
  readonly kind: BodyKind;
  readonly contentType: string;
  readonly isRequired: boolean;
  readonly description: string;
  readonly schema: JsonValue | undefined;
  readonly encodings: ReadonlyMap<string, FieldEncoding>;
};

/** Scheme names that have to be satisfied together, with the scopes of each. */
export type SecurityAlternative = ReadonlyMap<string, readonly string[]>;

/** An operation of a document, the same whatever version that is of. */
export type Operation = {
  readonly operationId: string | null;
  /** In capitals. */
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly isDeprecated: boolean;
  readonly parameters: readonly Parameter[];
  readonly body: Body | null;
  /** Empty where nothing is asked for. */
  readonly security: readonly SecurityAlternative[];
  /** Its own server, where it has one apart from the document's. */
  readonly server: string | null;
  /** Media types of its answers. */
  readonly produces: readonly string[];
  readonly hints: JsonObject;
};

/** An operation that no tool could be made of, and why. */
export type Refusal = { readonly method: string; readonly path: string; readonly reason: string };

/** What options are asked with about an operation. */
export type OperationInfo = Pick<
  Operation,
  "operationId" | "method" | "path" | "summary" | "tags" | "isDeprecated"
> & { readonly toolName: string };
