import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One damage done to one file of a data directory. */
export type Harm = {
  /** Relative to the data directory. */
  readonly file: string;
} & (
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "zero" | "noise"; readonly at: number; readonly length: number }
  | { readonly kind: "truncate"; readonly size: number }
  | { readonly kind: "remove" }
);

export const describeHarm = (harm: Harm): string => {
  switch (harm.kind) {
    case "flip":
      return `${harm.file}: bit ${harm.bit} of byte ${harm.at} flipped`;
    case "zero":
    case "noise":
      return `${harm.file}: ${harm.length} bytes at ${harm.at} are ${harm.kind}`;
    case "truncate":
      return `${harm.file}: cut to ${harm.size} bytes`;
    case "remove":
      return `${harm.file}: removed`;
  }
};

export const doHarm = (dir: string, harm: Harm): void => {
  const path = join(dir, harm.file);
  if (harm.kind === "remove") {
    rmSync(path);
    return;
  }
  const bytes = readFileSync(path);
  writeFileSync(path, harmed(bytes, harm));
};

const harmed = (bytes: Buffer, harm: Exclude<Harm, { kind: "remove" }>): Buffer => {
  switch (harm.kind) {
    case "flip":
      bytes[harm.at] = (bytes[harm.at] ?? 0) ^ (1 << harm.bit);
      return bytes;
    case "zero":
      return bytes.fill(0, harm.at, Math.min(bytes.length, harm.at + harm.length));
    case "noise":
      for (let at = harm.at; at < Math.min(bytes.length, harm.at + harm.length); at += 1)
        bytes[at] = (at * 167 + 13) % 256;
      return bytes;
    case "truncate":
      return bytes.subarray(0, harm.size);
  }
};
