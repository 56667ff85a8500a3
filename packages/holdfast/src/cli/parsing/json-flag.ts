import { UsageError } from "./usage-error.ts";

/** The value of an option that takes JSON. @throws UsageError */
export const parseJsonFlag = (name: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(
      `--${name} takes JSON, not: ${text}`,
      `Text needs its own quotes: --${name} '"text"'`,
    );
  }
};
