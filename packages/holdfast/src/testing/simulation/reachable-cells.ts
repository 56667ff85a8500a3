import type { EventType } from "../../core/event.ts";
import { EVENT_TYPES, isEventType } from "../../core/event.ts";
import { cellOf, STATE_PHASES, type StatePhase } from "../../core/transitions.ts";
import { FAULT_KINDS, type FaultKind } from "./chaos.ts";

/** What the table of transitions allows and no engine writes, with the reason. */
/** The simulated tools come to an end each time they are entered. */
const NEVER_WAITS = "no simulated tool suspends itself, and nobody signals one";

const NEVER: readonly (readonly [type: EventType, phases: readonly StatePhase[] | "all", why: string])[] = [
  ["tool-call.suspended", "all", NEVER_WAITS],
  ["tool-call.resumed", "all", NEVER_WAITS],
  ["signal.received", "all", NEVER_WAITS],
  ["session.restored", "all", "only a store that can be backed up restores; the simulated one cannot"],
  [
    "session.recovered",
    ["idle", "queued", "ready", "answered", "failing"],
    "recovery is written where something was under way",
  ],
  ["run.suspended", ["answered"], "what is decided waits for nothing"],
  ["run.resumed", ["answered"], "nothing waits there"],
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

type Exclusion = {
  readonly faults: readonly FaultKind[];
  readonly types: readonly EventType[];
  readonly phases: readonly StatePhase[];
  readonly why: string;
};

/** What cannot be the next to come in a state after a fault, with the reason. */
const NOT_AFTER: readonly Exclusion[] = [
  {
    faults: ["power-loss"],
    types: ["model-call.completed", "tool-call.completed"],
    phases: ["calling-model", "calling-tools"],
    why: "every process is gone, and with it what it was waiting for",
  },
  {
    faults: ["power-loss"],
    types: [
      "run.accepted",
      "run.cancel-requested",
      "run.cancelled",
      "run.completed",
      "run.failed",
      "tool-call.late",
    ],
    phases: ["answered"],
    why: "an answer is stored together with what comes of it, and nobody is left who has one",
  },
  {
    faults: ["power-loss"],
    types: ["run.accepted", "run.cancel-requested", "tool-call.late"],
    phases: ["failing"],
    why: "what was posted is read before it is decided that what was lost has failed",
  },
  {
    faults: [
      "tool-throws-before",
      "tool-throws-after",
      "tool-refuses",
      "tool-hangs",
      "tool-late",
      "tool-slow",
      "verify-fails",
    ],
    types: ["run.resumed"],
    phases: ["calling-tools"],
    why: "what a tool came to is stored before the run is suspended, and none is called while it is",
  },
  {
    faults: ["model-cut", "model-error", "model-retry-after", "model-hang", "model-slow", "model-odd-answer"],
    types: ["run.resumed"],
    phases: ["calling-model"],
    why: "no model is called while the run is suspended",
  },
  {
    faults: ["operator-answer"],
    types: ["run.expired", "tool-call.completed", "tool-call.verified"],
    phases: ["calling-tools"],
    why: "nothing is under way while an answer is waited for, and that time does not count",
  },
  {
    faults: ["erase"],
    types: [...EVENT_TYPES].filter(isEventType),
    phases: ["calling-model", "calling-tools", "answered", "failing"],
    why: "only what is at rest is erased, and what is stored next goes no further than to the start of a call",
  },
];

const isNotAfter = (type: EventType, phase: StatePhase, fault: FaultKind): boolean =>
  NOT_AFTER.some(
    ({ faults, types, phases }) => faults.includes(fault) && types.includes(type) && phases.includes(phase),
  );

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
  FAULT_KINDS.filter(
    (fault) =>
      (ONLY_IN[fault] ?? phase) === phase && !AT_THE_END.has(fault) && !isNotAfter(type, phase, fault),
  ).map((fault) => `${type} ${phase} ${fault}`);
