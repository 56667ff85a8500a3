import { describe, expect, test } from "vitest";
import { JournalError } from "./errors.ts";
import { EVENT_TYPES, isEventType, type EventHeader, type EventType } from "./event.ts";
import {
  answered,
  append,
  callId,
  callingModel,
  callingTools,
  EMPTY_JOURNAL,
  eventAfter,
  failing,
  header,
  journalOf,
  policy,
  ready,
  RUN,
  summarising,
  withPast,
  type Journal,
} from "./journal-builder.fixture.ts";
import { reduce } from "./reduce.ts";
import { undoExamples } from "./undo-examples.fixture.ts";
import { cellOf, isLegal, STATE_PHASES, statePhase, type StatePhase } from "./transitions.ts";

const TYPES: readonly EventType[] = [...EVENT_TYPES].filter(isEventType);

const refusal = ({ state }: Journal, each: EventHeader): string | null => {
  try {
    reduce(state, eventAfter(state, each));
    return null;
  } catch (thrown) {
    return thrown instanceof JournalError ? thrown.code : "not a JournalError";
  }
};

type OpenPhase = Exclude<StatePhase, "new" | "idle" | "queued">;
const OPEN_PHASES: readonly OpenPhase[] = [
  "ready",
  "summarising",
  "calling-model",
  "calling-tools",
  "answered",
  "failing",
];

const oneRead = (): Journal => callingTools([policy("read")]);
const startedCall = (each = policy("read")): Journal =>
  append(callingTools([each]), header("tool-call.started"));
const accepted = (): Journal => journalOf(header("session.created"), header("run.accepted"));

/** Each state as real folds make it, nothing in flight where that is possible. */
const PLAIN: Record<StatePhase, Journal> = {
  new: EMPTY_JOURNAL,
  idle: journalOf(header("session.created")),
  queued: accepted(),
  ready: ready(),
  summarising: append(summarising(), header("session.recovered")),
  "calling-model": append(callingModel(), header("session.recovered")),
  "calling-tools": oneRead(),
  answered: answered(),
  failing: failing(),
};

const suspended = (phase: OpenPhase): Journal => append(PLAIN[phase], header("run.suspended"));
const cancelled = (phase: OpenPhase): Journal => append(PLAIN[phase], header("run.cancel-requested"));
const expired = (phase: OpenPhase): Journal => append(PLAIN[phase], header("run.expired"));
const withQueued = (phase: OpenPhase): Journal =>
  append(PLAIN[phase], header("run.accepted", { runId: "run-2" }));

/** Every state in every mood: what a cell says must hold for all of them. */
const MOODS: Record<StatePhase, readonly Journal[]> = {
  new: [PLAIN.new],
  idle: [PLAIN.idle, append(answered(), header("run.completed"))],
  queued: [
    PLAIN.queued,
    append(answered(), header("run.accepted", { runId: "run-2" }), header("run.completed")),
  ],
  ready: [...moodsOf("ready"), withPast(), append(summarising(), header("summary-call.failed"))],
  summarising: [summarising(), ...moodsOf("summarising")],
  "calling-model": [callingModel(), ...moodsOf("calling-model")],
  "calling-tools": [startedCall(), ...moodsOf("calling-tools")],
  answered: moodsOf("answered"),
  failing: moodsOf("failing"),
};

function moodsOf(phase: OpenPhase): readonly Journal[] {
  return [PLAIN[phase], suspended(phase), cancelled(phase), expired(phase), withQueued(phase)];
}

/** One run is open, and another input waits to join it. */
const withSteer = (): Journal => append(ready(), header("run.accepted", { runId: "run-2", joins: RUN }));

type Example = readonly [Journal, EventHeader];
type Examples = { readonly folds: readonly Example[]; readonly refused: readonly Example[] };

const other = { runId: "run-other" };
/** A summary that was not even asked for. */
const UNMADE = { startedAt: null } as const;

/** Examples that hold in the same way in every state of an open run. */
const ofOpenRun = (phase: OpenPhase): Partial<Record<EventType, Examples>> => ({
  "run.accepted": {
    folds: [[PLAIN[phase], header("run.accepted", { runId: "run-2" })]],
    refused: [
      [PLAIN[phase], header("run.accepted")],
      [withQueued(phase), header("run.accepted", { runId: "run-2" })],
    ],
  },
  "run.suspended": {
    folds: [
      [PLAIN[phase], header("run.suspended")],
      [suspended(phase), header("run.suspended")],
    ],
    refused: [
      [cancelled(phase), header("run.suspended")],
      [expired(phase), header("run.suspended")],
      [PLAIN[phase], header("run.suspended", other)],
    ],
  },
  "run.resumed": {
    folds: [[suspended(phase), header("run.resumed")]],
    refused: [
      [PLAIN[phase], header("run.resumed")],
      [suspended(phase), header("run.resumed", other)],
    ],
  },
  "run.cancel-requested": {
    folds: [PLAIN[phase], suspended(phase), expired(phase)].map((each) => [
      each,
      header("run.cancel-requested"),
    ]),
    refused: [
      [cancelled(phase), header("run.cancel-requested")],
      [PLAIN[phase], header("run.cancel-requested", other)],
      [rollingBack(phase), header("run.cancel-requested", { mode: "rollback" })],
    ],
  },
  "session.paused": {
    folds: [[PLAIN[phase], header("session.paused")]],
    refused: [[paused(PLAIN[phase]), header("session.paused")]],
  },
  "session.resumed": {
    folds: [[paused(PLAIN[phase]), header("session.resumed")]],
    refused: [[PLAIN[phase], header("session.resumed")]],
  },
  "run.rolled-back": {
    folds: isBusy(phase) ? [] : [[rollingBack(phase), header("run.rolled-back")]],
    refused: [
      [cancelled(phase), header("run.rolled-back")],
      ...(isBusy(phase)
        ? []
        : [[append(rollingBack(phase), header("run.rolled-back")), header("run.rolled-back")] as const]),
    ],
  },
  "run.expired": {
    folds: [PLAIN[phase], suspended(phase)].map((each) => [each, header("run.expired")]),
    refused: [
      [cancelled(phase), header("run.expired")],
      [expired(phase), header("run.expired")],
      [PLAIN[phase], header("run.expired", other)],
    ],
  },
  "run.cancelled": {
    folds: [[withQueued(phase), header("run.cancelled", { runId: "run-2" })], ...cancelFolds(phase)],
    refused: [
      [PLAIN[phase], header("run.cancelled")],
      [expired(phase), header("run.cancelled")],
      [cancelled(phase), header("run.cancelled", other)],
      ...(isBusy(phase) ? [[cancelled(phase), header("run.cancelled")] as const] : []),
      [rollingBack(phase), header("run.cancelled")],
    ],
  },
  "run.failed": {
    folds: [PLAIN[phase], expired(phase)].map((each) => [each, header("run.failed")]),
    refused: [
      [cancelled(phase), header("run.failed")],
      [PLAIN[phase], header("run.failed", other)],
      [withQueued(phase), header("run.failed", { runId: "run-2" })],
    ],
  },
  "budget.raised": {
    folds: [PLAIN[phase], suspended(phase), cancelled(phase)].map((each) => [each, header("budget.raised")]),
    refused: [[PLAIN[phase], header("budget.raised", other)]],
  },
  "budget.crossed": {
    folds: [PLAIN[phase], cancelled(phase)].map((each) => [each, header("budget.crossed")]),
    refused: [[PLAIN[phase], header("budget.crossed", other)]],
  },
  "run.completed": {
    folds: [[PLAIN[phase], header("run.completed")]],
    refused: [
      [cancelled(phase), header("run.completed")],
      [expired(phase), header("run.completed")],
      [PLAIN[phase], header("run.completed", other)],
    ],
  },
});

function paused(journal: Journal): Journal {
  return append(journal, header("session.paused"));
}

function rollingBack(phase: OpenPhase): Journal {
  return append(cancelled(phase), header("run.cancel-requested", { mode: "rollback" }));
}

function isBusy(phase: OpenPhase): boolean {
  return phase === "summarising" || phase === "calling-model" || phase === "calling-tools";
}

function cancelFolds(phase: OpenPhase): readonly Example[] {
  return isBusy(phase) ? [] : [[cancelled(phase), header("run.cancelled")]];
}

const answerAndCall = (): Journal =>
  append(
    oneRead(),
    header("tool-call.started"),
    header("tool-call.completed"),
    header("model-call.started", { turn: 2 }),
    header("model-call.failed", { startedAt: 8, next: { kind: "compact" } }),
  );

/** About to be handed over, because the next model call does not fit a limit. */
const leaving = (): Journal =>
  append(PLAIN.ready, header("budget.refused", { next: { kind: "hand-off", agent: "other" } }));

const secondRun = (): Journal =>
  append(
    answered(),
    header("run.completed"),
    header("run.accepted", { runId: "run-2" }),
    header("run.started", { runId: "run-2" }),
  );

const SPECIAL: Partial<Record<StatePhase, Partial<Record<EventType, Examples>>>> = {
  idle: {
    "session.paused": {
      folds: [[PLAIN.idle, header("session.paused")]],
      refused: [[append(PLAIN.idle, header("session.paused")), header("session.paused")]],
    },
    "session.resumed": {
      folds: [[append(PLAIN.idle, header("session.paused")), header("session.resumed")]],
      refused: [[PLAIN.idle, header("session.resumed")]],
    },
  },
  queued: {
    "session.paused": {
      folds: [[accepted(), header("session.paused")]],
      refused: [[append(accepted(), header("session.paused")), header("session.paused")]],
    },
    "session.resumed": {
      folds: [[append(accepted(), header("session.paused")), header("session.resumed")]],
      refused: [[accepted(), header("session.resumed")]],
    },
    "run.accepted": {
      folds: [[accepted(), header("run.accepted", { runId: "run-2" })]],
      refused: [[accepted(), header("run.accepted")]],
    },
    "run.started": {
      folds: [[accepted(), header("run.started")]],
      refused: [
        [accepted(), header("run.started", other)],
        [append(accepted(), header("session.paused")), header("run.started")],
        [
          append(accepted(), header("run.accepted", { runId: "run-2" })),
          header("run.started", { runId: "run-2" }),
        ],
      ],
    },
    "run.failed": {
      folds: [[accepted(), header("run.failed")]],
      refused: [[accepted(), header("run.failed", other)]],
    },
    "run.cancelled": {
      folds: [[accepted(), header("run.cancelled")]],
      refused: [[accepted(), header("run.cancelled", other)]],
    },
  },
  ready: {
    "context.compacted": {
      folds: [[secondRun(), header("context.compacted", { dropped: 2 })]],
      refused: [
        ...[-1, 0, 0.5, 1, 2, 3, 99].map((dropped): Example => [
          answerAndCall(),
          header("context.compacted", { dropped }),
        ]),
        ...(["run.suspended", "run.cancel-requested", "run.expired"] as const).map((type): Example => [
          append(secondRun(), header(type, { runId: "run-2" })),
          header("context.compacted", { dropped: 2 }),
        ]),
      ],
    },
    "budget.refused": {
      folds: [[PLAIN.ready, header("budget.refused")]],
      refused: [
        [PLAIN.ready, header("budget.refused", { turn: 2 })],
        [PLAIN.ready, header("budget.refused", { attempt: 2 })],
        [PLAIN.ready, header("budget.refused", other)],
        [suspended("ready"), header("budget.refused")],
        [cancelled("ready"), header("budget.refused")],
        [expired("ready"), header("budget.refused")],
      ],
    },
    "run.accepted": {
      folds: [],
      refused: [
        [append(withSteer(), header("run.steered")), header("run.accepted", { runId: "run-2", joins: RUN })],
      ],
    },
    "run.handed-off": {
      folds: [
        [PLAIN.ready, header("run.handed-off")],
        [PLAIN.ready, header("run.handed-off", { history: "message" })],
      ],
      refused: [
        [suspended("ready"), header("run.handed-off")],
        [cancelled("ready"), header("run.handed-off")],
        [expired("ready"), header("run.handed-off")],
        [PLAIN.ready, header("run.handed-off", other)],
      ],
    },
    "summary-call.started": {
      folds: [[withPast(), header("summary-call.started")]],
      refused: [
        [withPast({ summary: null }), header("summary-call.started")],
        [append(withPast(), header("session.paused")), header("summary-call.started")],
        [append(summarising(), header("summary-call.failed")), header("summary-call.started")],
        [append(summarising(), header("summary-call.completed")), header("summary-call.started")],
        [append(withPast(), header("summary-call.failed", UNMADE)), header("summary-call.started")],
        [withPast(), header("summary-call.started", other)],
        ...[-1, 0, 0.5, 1, 3, 99].map((dropped): Example => [
          withPast(),
          header("summary-call.started", { dropped }),
        ]),
        ...(["run.suspended", "run.cancel-requested", "run.expired"] as const).map((type): Example => [
          append(withPast(), header(type)),
          header("summary-call.started"),
        ]),
      ],
    },
    "summary-call.failed": {
      folds: [[withPast(), header("summary-call.failed", UNMADE)]],
      refused: [
        [withPast(), header("summary-call.failed")],
        [ready(), header("summary-call.failed", UNMADE)],
        [append(summarising(), header("summary-call.failed")), header("summary-call.failed", UNMADE)],
        [append(withPast(), header("run.cancel-requested")), header("summary-call.failed", UNMADE)],
      ],
    },
    "run.steered": {
      folds: [[withSteer(), header("run.steered")]],
      refused: [
        [PLAIN.ready, header("run.steered")],
        [withQueued("ready"), header("run.steered")],
        [withSteer(), header("run.steered", other)],
        [withSteer(), header("run.steered", { steerId: "run-3" })],
        [append(withSteer(), header("run.steered")), header("run.steered")],
        ...(["run.suspended", "run.cancel-requested", "run.expired"] as const).map((type): Example => [
          append(withSteer(), header(type)),
          header("run.steered"),
        ]),
      ],
    },
    "model-call.started": {
      folds: [
        [PLAIN.ready, header("model-call.started")],
        [append(leaving(), header("run.handed-off")), header("model-call.started")],
        [append(leaving(), header("budget.raised")), header("model-call.started")],
      ],
      refused: [
        [leaving(), header("model-call.started")],
        [PLAIN.ready, header("model-call.started", { turn: 2 })],
        [append(PLAIN.ready, header("session.paused")), header("model-call.started")],
        [PLAIN.ready, header("model-call.started", { attempt: 2 })],
        [PLAIN.ready, header("model-call.started", other)],
        [suspended("ready"), header("model-call.started")],
        [cancelled("ready"), header("model-call.started")],
        [expired("ready"), header("model-call.started")],
      ],
    },
  },
  summarising: {
    "run.suspended": {
      folds: [[PLAIN.summarising, header("run.suspended")]],
      refused: [[summarising(), header("run.suspended")]],
    },
    "summary-call.completed": {
      folds: [
        [summarising(), header("summary-call.completed")],
        [append(summarising(), header("run.cancel-requested")), header("summary-call.completed")],
      ],
      refused: [
        [summarising(), header("summary-call.completed", { startedAt: 3 })],
        [summarising(), header("summary-call.completed", other)],
        [PLAIN.summarising, header("summary-call.completed")],
      ],
    },
    "summary-call.failed": {
      folds: [summarising(), PLAIN.summarising].map((each) => [each, header("summary-call.failed")]),
      refused: [
        [summarising(), header("summary-call.failed", { startedAt: 3 })],
        [summarising(), header("summary-call.failed", UNMADE)],
        [summarising(), header("summary-call.failed", other)],
      ],
    },
  },
  "calling-model": {
    "run.suspended": {
      folds: [[PLAIN["calling-model"], header("run.suspended")]],
      refused: [[callingModel(), header("run.suspended")]],
    },
    "model-call.completed": {
      folds: [
        [callingModel(), header("model-call.completed")],
        [append(callingModel(), header("run.cancel-requested")), header("model-call.completed")],
      ],
      refused: [
        [callingModel(), header("model-call.completed", { startedAt: 3 })],
        [callingModel(), header("model-call.completed", other)],
        [PLAIN["calling-model"], header("model-call.completed")],
      ],
    },
    "model-call.failed": {
      folds: [callingModel(), PLAIN["calling-model"]].map((each) => [each, header("model-call.failed")]),
      refused: [
        [callingModel(), header("model-call.failed", { startedAt: 3 })],
        [callingModel(), header("model-call.failed", other)],
      ],
    },
  },
  "calling-tools": {
    "run.suspended": {
      folds: [[oneRead(), header("run.suspended")]],
      refused: [[startedCall(), header("run.suspended")]],
    },
    "tool-call.started": {
      folds: [[oneRead(), header("tool-call.started")]],
      refused: [
        [oneRead(), header("tool-call.started", { attempt: 2 })],
        [append(oneRead(), header("session.paused")), header("tool-call.started")],
        [append(oneRead(), header("tool-call.cancel-requested")), header("tool-call.started")],
        [oneRead(), header("tool-call.started", { callId: callId(7) })],
        [oneRead(), header("tool-call.started", other)],
        [callerCall(), header("tool-call.started")],
        [held(), header("tool-call.started")],
        [append(held(), header("approval.voided")), header("tool-call.started")],
        [suspended("calling-tools"), header("tool-call.started")],
        [cancelled("calling-tools"), header("tool-call.started")],
        [expired("calling-tools"), header("tool-call.started")],
      ],
    },
    "tool-call.held": {
      folds: [[callerCall(), header("tool-call.held")]],
      refused: [
        [oneRead(), header("tool-call.held")],
        [append(callerCall(), header("tool-call.held")), header("tool-call.held")],
        [callerCall(), header("tool-call.held", other)],
      ],
    },
    "approval.requested": {
      folds: [
        [oneRead(), header("approval.requested")],
        [append(held(), header("approval.voided")), header("approval.requested", { ask: 2 })],
      ],
      refused: [
        [oneRead(), header("approval.requested", { ask: 2 })],
        [startedCall(), header("approval.requested")],
        [held(), header("approval.requested", { ask: 2 })],
        [append(held(), header("approval.voided")), header("approval.requested")],
      ],
    },
    "approval.escalated": onHeld("approval.escalated"),
    "approval.decided": onHeld("approval.decided"),
    "approval.expired": onHeld("approval.expired"),
    "approval.voided": {
      folds: [
        [held(), header("approval.voided")],
        [append(held(), header("approval.decided")), header("approval.voided")],
      ],
      refused: [
        [oneRead(), header("approval.voided")],
        [held(), header("approval.voided", { ask: 2 })],
        [append(held(), header("approval.decided"), header("tool-call.started")), header("approval.voided")],
      ],
    },
    "tool-call.suspended": onStarted("tool-call.suspended"),
    "tool-call.deferred": {
      folds: [
        [oneRead(), header("tool-call.deferred")],
        [append(oneRead(), header("tool-call.deferred")), header("tool-call.deferred")],
      ],
      refused: [
        [startedCall(), header("tool-call.deferred")],
        [waiting(), header("tool-call.deferred")],
        [held(), header("tool-call.deferred")],
        [callerCall(), header("tool-call.deferred")],
        [append(oneRead(), header("tool-call.cancel-requested")), header("tool-call.deferred")],
        [oneRead(), header("tool-call.deferred", other)],
      ],
    },
    "tool-call.resumed": {
      folds: [
        [waiting(), header("tool-call.resumed")],
        [
          append(waiting(), header("signal.received")),
          header("tool-call.resumed", { by: "signal", signalAt: waiting().state.position + 1 }),
        ],
      ],
      refused: [
        [startedCall(), header("tool-call.resumed")],
        [waiting(), header("tool-call.resumed", { by: "signal", signalAt: 3 })],
        [waiting(), header("tool-call.resumed", other)],
      ],
    },
    "tool-call.cancel-requested": {
      folds: [
        [oneRead(), header("tool-call.cancel-requested")],
        [startedCall(), header("tool-call.cancel-requested")],
        [verifying(), header("tool-call.cancel-requested", { isGivenUp: true })],
      ],
      refused: [
        [oneRead(), header("tool-call.cancel-requested", { isGivenUp: true })],
        [oneRead(), header("tool-call.cancel-requested", { callId: callId(7) })],
        [oneRead(), header("tool-call.cancel-requested", other)],
        [append(oneRead(), header("tool-call.cancel-requested")), header("tool-call.cancel-requested")],
      ],
    },
    "tool-call.completed": onStarted("tool-call.completed"),
    "tool-call.failed": onStarted("tool-call.failed"),
    "tool-call.unknown": onStarted("tool-call.unknown"),
    "tool-call.verified": {
      folds: [[verifying(), header("tool-call.verified")]],
      refused: [[startedCall(), header("tool-call.verified")]],
    },
    "tool-call.resolved": {
      folds: [[verifying(), header("tool-call.resolved")]],
      refused: [[startedCall(), header("tool-call.resolved")]],
    },
  },
};

function verifying(each = policy("write")): Journal {
  const next = { kind: "verify", notBefore: 0, tries: 0 } as const;
  return append(startedCall(each), header("tool-call.unknown", { next }));
}

function callerCall(): Journal {
  return callingTools([policy("write", { by: "caller" })]);
}

function held(): Journal {
  return append(oneRead(), header("approval.requested"));
}

/** What may become of an approval that waits: once, of this one. */
function onHeld(type: "approval.escalated" | "approval.decided" | "approval.expired"): Examples {
  return {
    folds: [[held(), header(type)]],
    refused: [
      [oneRead(), header(type)],
      [held(), header(type, { ask: 2 })],
      [held(), header(type, other)],
      [append(held(), header("approval.decided")), header(type)],
      [append(held(), header("approval.voided")), header(type)],
    ],
  };
}

function waiting(): Journal {
  return append(startedCall(), header("tool-call.suspended"));
}

function onStarted(
  type: "tool-call.suspended" | "tool-call.completed" | "tool-call.failed" | "tool-call.unknown",
): Examples {
  return {
    folds: [[startedCall(), header(type)]],
    refused: [
      [startedCall(), header(type, { attempt: 2 })],
      [startedCall(), header(type, { callId: callId(7) })],
      [startedCall(), header(type, other)],
    ],
  };
}

const examplesOf = (phase: StatePhase, type: EventType): readonly Examples[] => {
  const isOpen = OPEN_PHASES.find((each) => each === phase);
  const common = isOpen === undefined ? undefined : ofOpenRun(isOpen)[type];
  return [common, SPECIAL[phase]?.[type], undoExamples(phase, type)].filter((each) => each !== undefined);
};

/** Proves one cell of the table; answers how many events it tried. */
const walkCell = (phase: StatePhase, type: EventType): number => {
  const cell = cellOf(phase, type);
  if (cell !== "if") {
    for (const journal of MOODS[phase]) {
      const fresh = type === "run.accepted" ? header(type, { runId: "run-9" }) : header(type);
      expect([phase, type, refusal(journal, fresh)]).toEqual([
        phase,
        type,
        cell === "yes" ? null : "JOURNAL_INVALID",
      ]);
    }
    return MOODS[phase].length;
  }
  const examples = examplesOf(phase, type);
  const [folds, refused] = [examples.flatMap((each) => each.folds), examples.flatMap((each) => each.refused)];
  for (const example of folds)
    expect([phase, example[1], refusal(...example)]).toEqual([phase, example[1], null]);
  for (const example of refused) {
    expect([phase, example[1], refusal(...example)]).toEqual([phase, example[1], "JOURNAL_INVALID"]);
  }
  return Math.min(folds.length, refused.length);
};

describe("the table of states × events", () => {
  test.each(STATE_PHASES)("is entered from a real fold: %s", (phase) => {
    expect(MOODS[phase].map(({ state }) => statePhase(state))).toEqual(MOODS[phase].map(() => phase));
  });

  test.each(TYPES)("J3: %s folds or is refused in every state as its row says", (type) => {
    const tried = STATE_PHASES.map((phase) => [phase, walkCell(phase, type)] as const);
    expect(tried.filter(([, count]) => count === 0)).toEqual([]);
    expect(tried).toHaveLength(9);
  });

  test("has every event type in a row", () => {
    expect(TYPES).toHaveLength(48);
  });

  test("J3: a refused event leaves the state as it was", () => {
    const { state } = startedCall();
    const before = structuredClone(state);
    expect(isLegal(state, header("run.completed"))).toBe(false);
    expect(state).toEqual(before);
  });
});

/** What can be said of a call, one of each kind. */
const SAYINGS: Record<string, (attempt: number) => EventHeader> = {
  start: (attempt) => header("tool-call.started", { attempt: attempt + 1 }),
  done: (attempt) => header("tool-call.completed", { attempt }),
  found: (attempt) => header("tool-call.completed", { attempt, by: "verification" }),
  retry: (attempt) => header("tool-call.failed", { attempt, next: { kind: "retry", dueAt: 1 } }),
  fail: (attempt) => header("tool-call.failed", { attempt }),
  replace: (attempt) =>
    header("tool-call.failed", {
      attempt,
      next: { kind: "other-tool", tool: "other", policy: policy("read") },
    }),
  old: (attempt) => header("tool-call.failed", { attempt, next: { kind: "last-good" } }),
  verify: (attempt) =>
    header("tool-call.unknown", { attempt, next: { kind: "verify", notBefore: 1, tries: 1 } }),
  ask: (attempt) => header("tool-call.unknown", { attempt, next: { kind: "ask" } }),
  forget: (attempt) => header("tool-call.unknown", { attempt, next: { kind: "give-up" } }),
  "not-done": (attempt) => header("tool-call.verified", { attempt }),
  unclear: (attempt) => header("tool-call.verified", { attempt, status: "unknown" }),
  resolve: () => header("tool-call.resolved"),
  late: (attempt) => header("tool-call.late", { attempt }),
};

const write = policy("write");
const lost = (each = policy("read")): Journal => append(startedCall(each), header("session.recovered"));
const retrying = (each = write): Journal =>
  append(startedCall(each), header("tool-call.failed", { next: { kind: "retry", dueAt: 1 } }));
const asking = (): Journal => append(startedCall(write), header("tool-call.unknown"));
const settled = (): Journal =>
  append(callingTools([write, write]), header("tool-call.started"), header("tool-call.completed"));

describe("a tool call", () => {
  test.each([
    ["requested", callingTools([write]), 0, ["start", "fail", "replace", "late"]],
    ["requested, reading", callingTools([policy("read")]), 0, ["start", "fail", "replace", "old", "late"]],
    [
      "started",
      startedCall(write),
      1,
      ["done", "retry", "fail", "replace", "verify", "ask", "forget", "late"],
    ],
    [
      "started, idempotent",
      startedCall(policy("idempotent")),
      1,
      ["done", "retry", "fail", "verify", "ask", "forget", "late"],
    ],
    ["lost, reading", lost(), 1, ["start", "fail", "replace", "old", "verify", "ask", "forget", "late"]],
    ["lost, idempotent", lost(policy("idempotent")), 1, ["start", "fail", "verify", "ask", "forget", "late"]],
    ["lost, writing", lost(write), 1, ["verify", "ask", "forget", "late"]],
    ["retrying", retrying(), 1, ["start", "fail", "replace", "late"]],
    [
      "verifying",
      verifying(),
      1,
      ["found", "fail", "verify", "ask", "forget", "not-done", "unclear", "resolve", "late"],
    ],
    ["asking", asking(), 1, ["forget", "resolve", "late"]],
    ["settled", settled(), 1, ["late"]],
  ])("E1, E2: that is %s takes these events and no others", (_, ...[journal, attempt, expected]) => {
    const taken = Object.entries(SAYINGS).filter(([, saying]) => isLegal(journal.state, saying(attempt)));
    expect(taken.map(([name]) => name)).toEqual(expected);
  });

  test.each([
    ["started", startedCall(write)],
    ["lost", lost()],
    ["retrying", retrying()],
    ["verifying", verifying()],
    ["asking", asking()],
  ])("E1: that is %s takes nothing about another attempt", (_, journal) => {
    for (const attempt of [0, 2]) {
      const taken = Object.entries(SAYINGS).filter(([, saying]) => isLegal(journal.state, saying(attempt)));
      expect(taken.map(([name]) => name).filter((name) => name !== "resolve")).toEqual(["late"]);
    }
  });

  test.each(["run.cancel-requested", "run.expired", "run.suspended"] as const)(
    "E5: is not started after %s",
    (type) => {
      for (const journal of [callingTools([write]), lost(), retrying()]) {
        const attempt = journal.events.some(({ header: each }) => each.type === "tool-call.started") ? 2 : 1;
        const start = header("tool-call.started", { attempt });
        expect(isLegal(journal.state, start)).toBe(true);
        expect(isLegal(append(journal, header(type)).state, start)).toBe(false);
      }
    },
  );
});

test("J5: a run is not accepted twice while it is queued or open", () => {
  expect(refusal(accepted(), header("run.accepted", { runId: RUN }))).toBe("JOURNAL_INVALID");
  expect(refusal(ready(), header("run.accepted", { runId: RUN }))).toBe("JOURNAL_INVALID");
});
