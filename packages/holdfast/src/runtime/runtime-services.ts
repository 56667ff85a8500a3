import type { EngineServices } from "../engine/services.ts";
import type { NewSignal, PostAnswer } from "../ports/journal-store.ts";

/** What session and run handles work with. */
export type RuntimeServices = EngineServices & {
  /** Posts a signal and tells this process's worker at once. @throws RuntimeClosedError */
  post(signal: NewSignal): Promise<PostAnswer>;
};
