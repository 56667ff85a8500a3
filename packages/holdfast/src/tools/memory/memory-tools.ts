import type { DefinedTool } from "../../definitions/define-tool.ts";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { type MemoryToolsOptions, resolveMemoryOptions } from "./memory-settings.ts";
import { recallTool, type Recalled } from "./recall.ts";
import { rememberTool, type MemoryChanged } from "./remember.ts";
import { correctTool, forgetTool } from "./revise.ts";

/**
 * Tools for what is known beyond a session: `remember`, `recall`, `correct` and `forget`. Whose memory it is comes from the session
 * and the options, and never from the model. The memory is whoever opened it to close.
 *
 * @throws ConfigurationError when an option does not exist or is not usable.
 */
export const memoryTools = (
  memory: MemoryStore,
  options: MemoryToolsOptions = {},
): readonly DefinedTool<unknown, Recalled | MemoryChanged>[] => {
  const settings = resolveMemoryOptions(options);
  const recall = recallTool(memory, settings);
  if (settings.isReadOnly) return [recall];
  return [
    rememberTool(memory, settings),
    recall,
    correctTool(memory, settings),
    forgetTool(memory, settings),
  ];
};
