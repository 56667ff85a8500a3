import type { Terminal } from "../printing/terminal.ts";

export type Word = "yes" | "no" | "left";

/** Asks who sits at the terminal, until it is understood or they leave. */
export const askToErase = async ({ err }: Terminal): Promise<Word> => {
  const { LineReader } = await import("../dev/line-reader.ts");
  const reader = new LineReader(() => reader.close());
  try {
    for (;;) {
      err.line("  y erase it all, n leave it as it is");
      const line = await reader.next();
      if (line === null) {
        // What is said next does not stand behind the prompt.
        err.line();
        return "left";
      }
      if (/^\s*y(es)?\s*$/i.test(line)) return "yes";
      if (/^\s*no?\s*$/i.test(line)) return "no";
    }
  } finally {
    reader.close();
  }
};
