import type { JsonObject } from "holdfast";
import { numberIn, rowsIn, textIn } from "../read-json.ts";
import type { MadeCall } from "./conversation.ts";

/** The questions the model asks the index, as SQL; which ones depends on what it has seen. */
export type Question = "languages" | "longest" | "largest" | "tasks" | "imported" | "repeated";

const CODE_EXTENSIONS = new Set(
  ".ts .tsx .mts .cts .js .jsx .mjs .cjs .py .go .rs .java .kt .rb .php .c .h .cc .cpp .hpp .cs .swift .sh .sql .vue .svelte".split(
    " ",
  ),
);

/** Every query begins with the question it answers, so that its answer can be told from the others. */
const markOf = (question: Question): string => `/* ${question} */`;

/** Chooses the questions worth asking from the listing and from what the index says it holds. */
export const questionsFor = (listing: JsonObject | null, index: JsonObject | null): readonly string[] => {
  const asked: string[] = [];
  const ask = (question: Question, sql: string): void => void asked.push(`${markOf(question)} ${sql}`);
  ask(
    "languages",
    "SELECT extension, count(*) AS files, sum(lines) AS lines FROM files WHERE is_text = 1 GROUP BY extension ORDER BY lines DESC LIMIT 8",
  );
  ask(
    "longest",
    `SELECT path, lines, words FROM files WHERE is_text = 1${codeOnly(listing)} ORDER BY lines DESC, path LIMIT 3`,
  );
  ask("largest", "SELECT path, bytes FROM files ORDER BY bytes DESC, path LIMIT 3");
  if (numberIn(index, "todos") > 0) {
    ask(
      "tasks",
      "SELECT path, count(*) AS todos, min(line) AS line FROM todos GROUP BY path ORDER BY todos DESC, path LIMIT 3",
    );
  }
  if (numberIn(index, "imports") > 0) {
    ask(
      "imported",
      "SELECT module, count(*) AS importers FROM imports WHERE module IN (SELECT path FROM files) GROUP BY module ORDER BY importers DESC, module LIMIT 3",
    );
  }
  if (numberIn(index, "textFiles") > 1) {
    ask(
      "repeated",
      "SELECT min(path) AS path, max(path) AS twin, count(*) AS copies, max(bytes) AS bytes FROM files WHERE is_text = 1 AND bytes > 200 GROUP BY digest HAVING copies > 1 ORDER BY bytes DESC LIMIT 3",
    );
  }
  return asked;
};

/** Where there is code, only code is called too long. */
const codeOnly = (listing: JsonObject | null): string => {
  const counts = listing?.["byExtension"];
  const seen = typeof counts === "object" && counts !== null ? Object.keys(counts) : [];
  const code = seen.filter((extension) => CODE_EXTENSIONS.has(extension));
  return code.length === 0
    ? ""
    : ` AND extension IN (${code.map((extension) => `'${extension}'`).join(", ")})`;
};

/** The rows that came back for a question; none when it was not asked, or failed. */
export const answerTo = (calls: readonly MadeCall[], question: Question): readonly JsonObject[] => {
  const call = calls.find(
    ({ tool, input }) => tool === "query_index" && textIn(input, "sql").startsWith(markOf(question)),
  );
  return rowsIn(call?.result, "rows");
};
