import { createHash } from "node:crypto";
import type { Operation } from "./operation.ts";

const MAX_CHARS = 64;

type Named = Pick<Operation, "operationId" | "method" | "path">;

/**
 * A name for each operation of a document: its `operationId`, or else method and path, in letters that providers take.
 * The same document gives the same names, whichever of its operations are used.
 */
export const toolNames = <O extends Named>(
  operations: readonly O[],
  prefix: string,
): ReadonlyMap<O, string> => {
  const taken = new Set<string>();
  return new Map(
    operations.map((operation) => {
      const plain = plainName(operation, prefix);
      const name = taken.has(plain.toLowerCase()) ? marked(plain, operation) : plain;
      taken.add(name.toLowerCase());
      return [operation, name];
    }),
  );
};

const plainName = (operation: Named, prefix: string): string => {
  const { operationId, method, path } = operation;
  const text = operationId ?? `${method.toLowerCase()}_${path.replace(/^\W+/, "")}`;
  const valid = text.replaceAll(/[^a-zA-Z0-9_-]+/g, "_").replaceAll(/^_+|_+$/g, "");
  const whole = `${prefix}${valid === "" ? method.toLowerCase() : valid}`;
  return whole.length <= MAX_CHARS ? whole : marked(whole, operation);
};

/** With a mark that is of this operation alone. */
const marked = (name: string, { method, path }: Named): string => {
  const mark = createHash("sha256").update(`${method} ${path}`).digest("hex").slice(0, 8);
  return `${name.slice(0, MAX_CHARS - mark.length - 1)}_${mark}`;
};
