import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "../parsing/usage-error.ts";

/** The lines of a file, or of stdin where it is "-". @throws UsageError when it cannot be read. */
export async function* linesOf(file: string, cwd: string): AsyncGenerator<string> {
  const input = file === "-" ? process.stdin : createReadStream(resolve(cwd, file));
  input.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of input) {
      const lines = `${rest}${String(chunk)}`.split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file} cannot be read: ${why}.`);
  }
  if (rest !== "") yield rest;
}
