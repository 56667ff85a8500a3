import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import type { Deps } from "./tools/deps.ts";
import { fileFinding } from "./tools/file-finding.ts";
import { getAdvice } from "./tools/get-advice.ts";
import { indexFiles } from "./tools/index-files.ts";
import { listFiles } from "./tools/list-files.ts";
import { queryIndex } from "./tools/query-index.ts";
import { readFile } from "./tools/read-file.ts";
import { writeReport } from "./tools/write-report.ts";

export const AGENT_NAME = "folder-reviewer";

export const TASK = "Look through the folder, file what deserves a person's attention, and write a report.";

const INSTRUCTIONS = `You review a folder of files for its owner.
Work in this order, and make independent calls in parallel:
1. list_files, then read_file for the two or three files that say what the folder is about, and index_files.
2. query_index, with several queries, for what stands out: very long files, noted tasks, modules many files import, copies, large files.
3. get_advice for each kind of finding you have.
4. file_finding for the three to six findings that matter most: each once, with the real numbers.
5. write_report in Markdown: what the folder is, its numbers, the findings with the numbers they were filed under, the advice.
Then answer in a few lines of plain text. State only what tools answered. When a call fails, go on without it and say so.`;

/** The agent of the example: a model, what it is told, and seven tools. */
export const createReviewer = (model: ModelChoice): AgentDefinition<string, Deps> =>
  defineAgent({
    name: AGENT_NAME,
    model,
    instructions: INSTRUCTIONS,
    tools: [listFiles, readFile, indexFiles, queryIndex, getAdvice, fileFinding, writeReport],
    limits: { maxTurns: 30, maxDurationMs: 15 * 60_000 },
  });
