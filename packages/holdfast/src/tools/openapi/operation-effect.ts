import type { ToolEffect } from "../../core/run-settings.ts";
import type { Operation } from "./operation.ts";

const BY_METHOD: Readonly<Record<string, ToolEffect>> = {
  GET: "read",
  HEAD: "read",
  OPTIONS: "read",
  TRACE: "read",
  PUT: "idempotent",
  DELETE: "idempotent",
};

const STRENGTH: readonly ToolEffect[] = ["read", "idempotent", "write"];

/** What calling an operation does: as HTTP says of its method, unless the document says otherwise, and may (E2). */
export const operationEffect = ({ method, hints }: Operation, isTrusted: boolean): ToolEffect => {
  const usual = BY_METHOD[method] ?? "write";
  const said = STRENGTH.find((effect) => effect === hints["x-holdfast-effect"]);
  if (said === undefined) return usual;
  return isTrusted || STRENGTH.indexOf(said) > STRENGTH.indexOf(usual) ? said : usual;
};
