import { ConfigurationError, isHoldfastError } from "../../core/index.ts";
import { relative } from "node:path";
import { loadModel } from "../../models/index.ts";
import type { AgentDefinition } from "../../runtime/index.ts";
import { importPlace } from "./source-place.ts";

/**
 * Loads the package of the agent's first model before anything is begun: a run that cannot reach its
 * model is better refused than failed.
 *
 * @throws ConfigurationError as `loadModel` does, with the place in the file.
 */
export const checkModel = async (
  agent: AgentDefinition<unknown>,
  { path, cwd }: { readonly path: string; readonly cwd: string },
): Promise<void> => {
  const [model] = agent.models;
  if (typeof model !== "string") return;
  try {
    await loadModel(model, { from: cwd });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    const place = importPlace(path, model);
    throw new ConfigurationError(error.code, `${relative(cwd, path)}:${place.line}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
      details: { file: path, line: place.line, ...(place.column === null ? {} : { column: place.column }) },
    });
  }
};
