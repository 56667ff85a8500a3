import type { Reserved } from "../core/budget-terms.ts";
import type { Failure } from "../core/failure.ts";
import type { Position } from "../core/ids.ts";
import type { OpenRun } from "../core/session-state.ts";
import type { Charge } from "../core/usage.ts";
import type { Agent } from "../ports/agent.ts";
import type { ModelDelta, ModelRequest } from "../ports/model.ts";
import type { Deadline } from "./deadline.ts";
import type { EngineServices } from "./services.ts";
import type { SessionContent } from "./session-content.ts";

/** One attempt at a model call, with everything it needs to know. */
export type ModelCall = {
  readonly services: EngineServices;
  readonly sessionId: string;
  readonly agent: Agent;
  readonly content: SessionContent;
  readonly run: OpenRun;
  readonly startedAt: Position;
  readonly attempt: number;
  readonly candidate: number;
  readonly estimate: Charge;
  /** What was set aside for it; null where no budget applies (E8). */
  readonly reserved: Reserved | null;
  /** Nobody is shown its answer while it comes. */
  readonly isUnheard: boolean;
  /** Asked in the very tick in which the model is called: why it may not be any more (E6, J2). */
  readonly refuseEntry: () => Failure | null;
  /** Makes the request; the conversation is read from the journal where it is not at hand. */
  readonly request: (deadline: Deadline, onDelta: (delta: ModelDelta) => void) => Promise<ModelRequest>;
};
