import type { DefinedTool } from "../../definitions/define-tool.ts";
import { editFileTool } from "./edit-file.ts";
import { resolveFileOptions, type FileToolsOptions } from "./files-settings.ts";
import { listFilesTool } from "./list-files.ts";
import { readFileTool } from "./read-file.ts";
import { searchFilesTool } from "./search-files.ts";
import { createTurns } from "../../definitions/turns.ts";
import { writeFileTool } from "./write-file.ts";

/**
 * Tools for the files of the session's workspace: `list_files`, `read_file`, `search_files`, `write_file` and `edit_file`. No path,
 * link or race leads out of it.
 *
 * @throws ConfigurationError when an option does not exist or is not usable.
 */
export const fileTools = (options: FileToolsOptions = {}): readonly DefinedTool<unknown, string>[] => {
  const settings = resolveFileOptions(options);
  const readers = [listFilesTool(settings), readFileTool(settings), searchFilesTool(settings)];
  if (settings.isReadOnly) return readers;
  const turns = createTurns();
  return [...readers, writeFileTool(settings, turns), editFileTool(settings, turns)];
};
