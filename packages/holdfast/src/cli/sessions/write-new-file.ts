import { open, rm } from "node:fs/promises";
import { ConflictError } from "../../core/index.ts";
import { UsageError } from "../parsing/usage-error.ts";

type Content = {
  readonly content: Uint8Array;
  /** The path as it was typed. */
  readonly shown: string;
};

/** Writes a file that is not there yet, whole or not at all. @throws ConflictError where there is something; UsageError where it cannot be. */
export const writeNewFile = async (path: string, { content, shown }: Content): Promise<void> => {
  const file = await open(path, "wx").catch((thrown: unknown) => {
    throw refusal(thrown, shown);
  });
  try {
    await file.writeFile(content);
  } catch (thrown) {
    await rm(path, { force: true });
    throw thrown;
  } finally {
    await file.close();
  }
};

const refusal = (thrown: unknown, shown: string): Error => {
  if (thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST")
    return new ConflictError("OPTION_INVALID", `${shown} is already there; nothing was changed.`, {
      hint: "Name a file that does not exist yet.",
    });
  return new UsageError(
    `${shown} cannot be written: ${thrown instanceof Error ? thrown.message : String(thrown)}.`,
  );
};
