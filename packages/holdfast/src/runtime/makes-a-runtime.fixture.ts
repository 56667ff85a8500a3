/** A module that makes a runtime when it is imported, as a script of a user's does. */
import { createRuntime } from "./index.ts";

export const runtime = await createRuntime({ agents: [] });
