/** Mutants in which nothing is broken, each with a reason that a reader can check. */
export type Equivalent = {
  /** Its id, as the tool prints it. */
  readonly id: string;
  readonly reason: string;
  /** Guards that stand before or behind it: with them gone as well it has to be found, and that is played. */
  readonly together?: readonly string[];
};

/** The table of transitions is a net beneath what plans and records: alone, nothing ever falls into it. */
const NET =
  "nothing is planned or recorded that the table would refuse; with the guard above it gone, it shows";

const net = (what: string, ...together: readonly string[]): Equivalent => ({
  id: `core/transitions.ts: ${what}`,
  reason: NET,
  together,
});

const netOfCall = (what: string, ...together: readonly string[]): Equivalent => ({
  id: `core/call-transitions.ts: ${what}`,
  reason: NET,
  together,
});

export const EQUIVALENTS: readonly Equivalent[] = [
  net(
    "in a run that is being undone only that is done",
    "core/reduce-undo.ts: what is found out to be undone is not begun again",
  ),
  {
    id: "core/undo-transitions.ts: what is owed to be undone keeps its run open",
    reason: NET,
    together: ["core/plan-end.ts: a run does not end before what it did is undone"],
  },
  net("nothing starts in a run that is stopped", "core/plan.ts: a run that is being stopped begins nothing"),
  net("nothing starts in a suspended run", "core/plan-waits.ts: a suspended run is resumed before it acts"),
  net(
    "nothing is suspended with something in flight",
    "core/plan-waits.ts: nothing is suspended while something is in flight",
  ),
  net(
    "a model call that is not owed does not start",
    "core/reduce-model-call.ts: model calls are counted by attempt",
  ),
  net("a settled call gets no other event", "core/reduce-tool-call.ts: a settled call leaves the state"),
  netOfCall("a call that cannot start does not", "core/plan-tool-calls.ts: a lost write is not repeated"),
  netOfCall("a lost write does not start", "core/plan-tool-calls.ts: a lost write is not repeated"),
  netOfCall("no attempt is made twice", "core/reduce-tool-call.ts: attempts are counted"),
  netOfCall(
    "of a lost write nobody says that it failed",
    "core/plan-end.ts: a lost write is given up on as unknown",
  ),
  net(
    "a run that waits is not accepted again",
    "engine/read-input.ts: an input is accepted once",
    "engine/active-session.ts: a signal is read once",
  ),
  net(
    "the open run is not accepted again",
    "engine/read-input.ts: an input is accepted once",
    "engine/active-session.ts: a signal is read once",
  ),
  {
    id: "core/transitions.ts: an answer to another call does not belong",
    reason:
      "only the opened session that asked for an answer hands it in, and while it is open nothing else ends the call: no other can be in its place",
  },
  {
    id: "core/transitions.ts: an answer to a lost call does not belong",
    reason:
      "only a recovery makes a call a lost one; it is the first event of a holder that has just opened the session, and an answer goes to the opened session that asked for it, never to a later one",
  },
  {
    id: "core/transitions.ts: a cancelled run is busy to its end",
    reason:
      "plan records that an open run is cancelled in one place, behind the branches of both phases in which a run is busy; a signal records it only of a run that waits in the queue",
  },
  {
    id: "core/transitions.ts: one run at a time",
    reason: "plan asks for a run to begin in one place, and only where no run is open",
  },
  {
    id: "core/transitions.ts: the first that waits is the next",
    reason: "plan asks for the first of the queue, in the one place where it asks for a run to begin",
  },
  {
    id: "core/transitions.ts: an event of another run does not belong",
    reason: "whoever makes an event takes the run's id from the state that it is folded into",
  },
  {
    id: "core/reduce.ts: an event that does not belong stops the fold",
    reason: NET,
    together: ["core/plan-waits.ts: a suspended run is resumed before it acts"],
  },
  {
    id: "core/reduce.ts: an event out of order stops the fold",
    reason:
      "a batch numbers its own events from the state on, and what is read has its position in the header that the chain covers",
  },
  {
    id: "engine/call-model.ts: nothing of an answer comes after its end",
    reason:
      "a piece that comes before the end is stored is one of an answer in progress, and one that comes after it is passed over by every stream that has given out the end",
    together: ["engine/event-stream.ts: no piece comes after its answer"],
  },
  {
    id: "engine/deadline.ts: the first reason counts",
    reason:
      "whoever waits has been answered with the first reason in the tick in which it was given: a promise settles once, a signal aborts once, and all limits are cleared; a second reason comes only in a later tick",
  },
  {
    id: "engine/active-session.ts: an outcome is recorded once",
    reason:
      "one that stays is looked at again, and its call is closed or at another attempt: nothing is made of it",
    together: ["engine/outcome.ts: what comes of a call that is closed is not used"],
  },
  {
    id: "core/journal-codec.ts: time does not go back",
    reason: "a batch gives out no time before its last event, and who creates a session has none before it",
    together: ["engine/batch.ts: no time is before the last event"],
  },
  {
    id: "core/reduce.ts: an event of an unknown kind stops the fold",
    reason: "what is folded was opened before, and opening refuses a kind that is not known",
    together: ["core/journal-codec.ts: an event of a newer version is not opened"],
  },
  {
    id: "engine/active-session.ts: what runs is stopped when its cancel is journaled",
    reason:
      "a cancel is journaled after its signal was heard of, and hearing of it stops what runs; who opens a session has nothing running in it",
    together: ["engine/active-session.ts: what runs is stopped when a cancel is heard of"],
  },
  {
    id: "engine/active-session.ts: a signal that was read is not heard again",
    reason:
      "the store refuses to have a signal read twice; who is refused looks again, and puts away what is no longer there",
    together: ["engine/active-session.ts: signals that others have read are put away"],
  },
  {
    id: "engine/active-session.ts: what was read is remembered",
    reason:
      "the store refuses to have a signal read twice; who is refused looks again, and puts away what is no longer there",
    together: ["engine/active-session.ts: signals that others have read are put away"],
  },
  {
    id: "engine/active-session.ts: a signal is read once",
    reason:
      "the store refuses to have a signal read twice; who is refused looks again, and puts away what is no longer there",
    together: ["engine/active-session.ts: signals that others have read are put away"],
  },
  {
    id: "engine/active-session.ts: a lost session has no lease",
    reason:
      "who acts asks whether the session is lost, beside whether the lease is valid, and what is on its way to act is stopped in the same breath",
    together: [
      "engine/perform.ts: nor when the session is lost",
      "engine/active-session.ts: what runs is stopped when the session is lost",
    ],
  },
  {
    id: "engine/lease.ts: a lease that is lost is not valid",
    reason:
      "who acts asks whether the session is lost, beside whether the lease is valid; and who has released claims anew before anything begins",
    together: ["engine/perform.ts: nor when the session is lost"],
  },
  {
    id: "engine/perform.ts: nor when the session is lost",
    reason: "who loses a session loses its lease in the same breath",
    together: ["engine/lease.ts: a lease that is lost is not valid"],
  },
  {
    id: "engine/outcome.ts: what comes of a call that is closed is not used",
    reason:
      "an attempt has one outcome, and that is what closes its call: only one that is kept after it was recorded comes to a closed call",
    together: ["engine/active-session.ts: an outcome is recorded once"],
  },
  {
    id: "engine/outcome.ts: what comes of an earlier attempt is not used",
    reason:
      "the next attempt starts when the outcome of the one before is recorded: only one that is kept after that comes to a later attempt",
    together: ["engine/active-session.ts: an outcome is recorded once"],
  },
  {
    id: "engine/outcome.ts: an answer to another call is not used",
    reason:
      "the next call of a model starts when the outcome of the one before is recorded: only one that is kept after that comes to a later call",
    together: ["engine/active-session.ts: an outcome is recorded once"],
  },
  {
    id: "engine/perform.ts: a tool of a cancelled run is not entered",
    reason:
      "hearing of a cancel stops what is under way in the same tick, and what is stopped does not enter",
    together: ["engine/call-tool.ts: what is stopped on the way to the tool does not enter it"],
  },
  {
    id: "engine/advance-session.ts: nothing acts on a commit that is not stored",
    reason:
      "who has lost the session is refused when it acts, and with a commit that releases nothing starts",
    together: [
      "engine/advance-session.ts: nothing acts under a lease in doubt",
      "engine/perform.ts: nothing acts under a lease in doubt",
      "engine/perform.ts: nor when the session is lost",
    ],
  },
  {
    id: "engine/snapshot.ts: who has lost a session keeps no snapshot",
    reason:
      "what is folded was stored, so the fold belongs to the journal whoever keeps it; and the store keeps only what fits its own",
  },
  {
    id: 'engine/advance-session.ts: negated condition in step: result === "released"',
    reason:
      "whether a snapshot is kept at a release decides only how long the next opening takes; one that is kept by who has lost the session is a fold of what was stored, and the store keeps only what fits its own",
  },
  {
    id: 'engine/advance-session.ts: swapped order in step: if (result === "released") await maybeSnapshot(session); ⇄ return "done";',
    reason: "whether a snapshot is kept at a release decides only how long the next opening takes",
  },
  {
    id: "engine/active-session.ts: swapped order in advance: this.#signals.delete(id); ⇄ this.#remember(id);",
    reason: "one forgets and the other remembers, in the same tick and in places of their own",
  },
  {
    id: "engine/session-content.ts: negated condition in committed: hasInstructions(event.header)",
    reason:
      "instructions that are not at hand are read from the journal; those kept of another event stand under a position that nobody asks for",
  },
  {
    id: "engine/session-content.ts: negated condition in committed: state.run === null",
    reason:
      "an input that is not at hand is read from the journal and validated again; one that is kept for too long belongs to a call whose id never comes again",
  },
  {
    id: "engine/commit-batch.ts: who has released has no lease",
    reason: "a commit that releases ends the loop, and whoever takes the session up again opens it anew",
  },
  {
    id: "engine/worker.ts: a session whose lease is lost is let go",
    reason:
      "whoever takes a session over changes the store, and its former holder hears of that and looks sooner than it renews",
    together: ["engine/active-session.ts: a holder whose epoch has passed lets go"],
  },
  {
    id: "engine/worker.ts: what waits for its turn is begun",
    reason:
      "it is let go with a time to wake that has come, and the look at the store that comes every second finds it: nothing is lost but that second",
  },
  {
    id: "engine/worker.ts: a session in work is not opened again",
    reason: "it is not opened again when its turn comes either",
    together: ["engine/worker.ts: a session is opened once"],
  },
  {
    id: "engine/worker.ts: a session that another works is left to it",
    reason: "the store refuses to have it claimed",
    together: ["stores/in-memory/memory-commit.ts: a session that is held is not claimed"],
  },
  {
    id: "engine/active-session.ts: a holder whose journal has moved lets go",
    reason: "a journal moves under another holder only after a claim, which raises the epoch",
    together: ["engine/active-session.ts: a holder whose epoch has passed lets go"],
  },
  {
    id: "engine/commit-batch.ts: another holder has claimed since",
    reason:
      "another claims only when our lease has run out, which our own clock says first: nothing begins under it, the next commit is refused, and the next renewal says that it is lost",
    together: [
      "engine/advance-session.ts: nothing acts under a lease in doubt",
      "engine/perform.ts: nothing acts under a lease in doubt",
    ],
  },
  {
    id: "engine/active-session.ts: swapped order in #takeOver: if (this.lease.epoch === null) this.#noteRecovery(loaded); ⇄ for (const signal of loaded.signals) this.deliver(signal, loaded.head.gate);",
    reason: "one looks at the lease and the state, the other hands over signals, in the same tick",
  },
  {
    id: 'core/plan-tool-calls.ts: swapped order in planToolCalls: if (step.kind === "wait") waits.push(step.wait); ⇄ if (step.kind === "record") effects.push(step.effect);',
    reason: "a step is of one kind",
  },
  {
    id: "engine/advance-session.ts: swapped order in step: for (const start of prepared.starts) perform(session, start); ⇄ void maybeSnapshot(session);",
    reason: "a snapshot is made of the state that was committed, which nothing that is set going changes",
  },
  {
    id: 'engine/commit-batch.ts: swapped order in isClaimOurs: if (lease.kind !== "claim") return true; ⇄ const loaded = await services.store.load(id);',
    reason: "what is read and not looked at changes nothing",
  },
  {
    id: "engine/deadline.ts: swapped order in #watch: if (this.#reason !== null) return { lift: () => undefined }; ⇄ this.#limits.add(limit);",
    reason: "who has been stopped sets no timer any more, and looks at no limit",
  },
  {
    id: "engine/deadline.ts: swapped order in #wakeBy: this.#wakesAt = dueAt; ⇄ const delayMs = Math.max(0, dueAt - this.#clock.monotonicMs());",
    reason: "one notes when it will wake, the other works out in how long that is",
  },
  {
    id: "engine/verify-call.ts: swapped order in attemptVerify: const verify = tool.verify?.bind(tool); ⇄ const ready = await prepareEntry(call, deadline);",
    reason: "a tool has the same function before and after its input was read",
  },
  {
    id: "engine/worker.ts: swapped order in #advance: this.#active.set(sessionId, session); ⇄ for (const signal of this.#opening.get(sessionId) ?? []) session.deliver(signal, null);",
    reason: "who is given a signal does not ask whether it is in work, and both happen in one tick",
  },
];
