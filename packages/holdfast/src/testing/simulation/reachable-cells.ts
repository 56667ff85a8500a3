import type { EventType } from "../../core/event.ts";
import { EVENT_TYPES, isEventType } from "../../core/event.ts";
import { cellOf, STATE_PHASES, type StatePhase } from "../../core/transitions.ts";
import { FAULT_KINDS, type FaultKind } from "./chaos.ts";

/** What the table of transitions allows and no engine writes, with the reason. */
const NEVER: readonly (readonly [type: EventType, phases: readonly StatePhase[] | "all", why: string])[] = [
  ["session.restored", "all", "only a store that can be backed up restores; the simulated one cannot"],
  [
    "session.recovered",
    ["idle", "queued", "ready", "answered", "failing"],
    "recovery is written where something was under way",
  ],
  ["run.suspended", ["answered", "failing"], "what is decided waits for nothing"],
  ["run.resumed", ["answered", "failing"], "nothing waits there"],
  ["run.expired", ["answered", "failing"], "an answer is not thrown away because its last word comes late"],
  ["run.failed", ["queued"], "the simulated agent's definition can always be evaluated"],
];

/** Faults that strike only while a model or a tool is called; all others strike whatever the state. */
const ONLY_IN: Partial<Record<FaultKind, StatePhase>> = {
  "model-cut": "calling-model",
  "model-error": "calling-model",
  "model-retry-after": "calling-model",
  "model-hang": "calling-model",
  "model-slow": "calling-model",
  "model-odd-answer": "calling-model",
  "tool-throws-before": "calling-tools",
  "tool-throws-after": "calling-tools",
  "tool-refuses": "calling-tools",
  "tool-hangs": "calling-tools",
  "tool-late": "calling-tools",
  "tool-slow": "calling-tools",
  "verify-fails": "calling-tools",
  "operator-answer": "calling-tools",
};

/** What comes when all is done, and no event after it. */
const AT_THE_END: ReadonlySet<FaultKind> = new Set(["newer-writer"]);

const isWritten = (type: EventType, phase: StatePhase): boolean =>
  cellOf(phase, type) !== "no" &&
  !NEVER.some(([name, phases]) => name === type && (phases === "all" || phases.includes(phase)));

/** Every `event state fault` that can come about: an event that the state may get, after a fault that can strike there. */
export const reachableCells = (): ReadonlySet<string> => {
  const types = [...EVENT_TYPES].filter(isEventType);
  // In the beginning there is no session for a fault to strike.
  const phases = STATE_PHASES.filter((phase) => phase !== "new");
  return new Set(
    types.flatMap((type) =>
      phases.filter((phase) => isWritten(type, phase)).flatMap((phase) => cellsOf(type, phase)),
    ),
  );
};

const cellsOf = (type: EventType, phase: StatePhase): readonly string[] =>
  FAULT_KINDS.filter((fault) => (ONLY_IN[fault] ?? phase) === phase && !AT_THE_END.has(fault)).map(
    (fault) => `${type} ${phase} ${fault}`,
  );
