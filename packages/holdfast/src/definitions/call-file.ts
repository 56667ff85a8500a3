import { createHash } from "node:crypto";

/** A path in the workspace for a file of a call: another attempt of that writes the same file. `name` may be anything. */
export const callFile = (
  { idempotencyKey }: { readonly idempotencyKey: string },
  folder: string,
  name: string,
): string => {
  const call = createHash("sha256").update(idempotencyKey).digest("hex").slice(0, 12);
  return `${folder}/${call}-${plainName(name)}`;
};

/** What is left of a name that a stranger gave. */
const plainName = (name: string): string => {
  const plain = name.replaceAll(/[^a-zA-Z0-9._-]/g, "_").slice(-80);
  return /[a-zA-Z0-9]/.test(plain) ? plain : "file";
};
