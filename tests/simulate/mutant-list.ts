/** One guard less. */
export type Mutant = {
  readonly name: string;
  readonly promise: string;
  /** Under `packages/holdfast/src`. */
  readonly file: string;
  /** Exact text, there once. */
  readonly remove: string;
  readonly put: string;
  /** A second guard that goes with it, where each stands behind the other. */
  readonly also?: { readonly file: string; readonly remove: string; readonly put: string };
  /** Why nothing observable changes, where that is so: another guard stands behind this one. */
  readonly equivalent?: string;
};

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a settled call stays in the state",
    promise: "E1",
    file: "core/reduce-tool-call.ts",
    remove: "const calls = run.phase.calls.filter((call) => call.callId !== callId);",
    put: `const calls = run.phase.calls.map((call) =>
    call.callId === callId ? { ...call, status: { kind: "requested" } as const } : call,
  );`,
  },
  {
    name: "a lost write is started again without asking",
    promise: "E2",
    file: "core/plan-tool-calls.ts",
    remove: 'return call.policy.effect === "write" ? askAboutLost(run, call, status) : start;',
    put: 'return askAboutLost === undefined ? { kind: "none" } : start;',
  },
  {
    name: "a write that threw is taken for one that failed",
    promise: "E2",
    file: "core/settle-tool-call.ts",
    remove: 'if (call.policy.effect === "write" && outcome.executed !== false)',
    put: 'if (call.policy.effect === "write" && outcome.executed === true)',
  },
  {
    name: "the epoch is not compared at commit",
    promise: "J2",
    file: "stores/in-memory/memory-commit.ts",
    remove: 'if (head.epoch !== expect.epoch) return "epoch";',
    put: "",
  },
  {
    name: "the position is not compared at commit",
    promise: "J2",
    file: "stores/in-memory/memory-commit.ts",
    remove:
      'if (head.position !== expect.position || !sameBytes(head.hash, expect.headHash)) return "position";',
    put: "if (!sameBytes(head.hash, head.hash)) return null;",
  },
  {
    name: "a held lease may be claimed",
    promise: "J2",
    file: "stores/in-memory/memory-commit.ts",
    remove: 'if (lease.kind === "claim" && heldBy !== null && heldBy !== lease.holder) return "held";',
    put: "if (heldBy === lease.kind) return null;",
  },
  {
    name: "the gate is not compared at commit",
    promise: "E5",
    file: "stores/in-memory/memory-commit.ts",
    remove: 'if (startsEffects && record.gate !== expect.gate) return "gate";',
    put: "if (startsEffects && record.gate < 0) return null;",
  },
  {
    name: "signals are not consumed in the commit",
    promise: "J6",
    file: "stores/in-memory/memory-commit.ts",
    remove: "record.signals = record.signals.filter((signal) => !consumed.has(signal.id));",
    put: "record.signals = record.signals.filter(() => consumed.size > 0);",
  },
  {
    name: "signals are consumed and their events are not in the commit",
    promise: "J6",
    file: "engine/prepare-batch.ts",
    remove: "for (const draft of readSignal(batch.state, signal)) batch.add(draft);",
    put: 'for (const draft of readSignal(batch.state, signal)) if (signal.kind !== "input" || batch.state.run === null) batch.add(draft);',
  },
  {
    name: "a key is forgotten, and its input accepted again",
    promise: "J5",
    file: "stores/in-memory/memory-data.ts",
    remove: "if (used !== undefined) {",
    put: "if (used !== undefined && used.body === null) {",
  },
  {
    name: "the idempotency key is another for each attempt",
    promise: "E2",
    file: "engine/prepare-batch.ts",
    remove: "const ours = idempotencyKeyOf(services.sha256, id, callId);",
    put: "const ours = idempotencyKeyOf(services.sha256, id, `${callId}:${services.clock.newId()}`);",
  },
  {
    name: "a tool is entered without looking at the lease",
    promise: "J2",
    file: "engine/perform.ts",
    remove: "if (session.lease.isValid() && !session.isLost) return null;",
    put: 'if (session.id !== "") return null;',
    equivalent: "the lease was looked at when the start was stored; they are removed together below",
  },
  {
    name: "nothing is renewed before it acts",
    promise: "J2",
    file: "engine/advance-session.ts",
    remove: 'if (prepared.starts.length > 0 && !(await isSureOfLease(session))) return "done";',
    put: 'if (prepared.starts.length < 0 && !(await isSureOfLease(session))) return "done";',
    equivalent: "the lease is looked at again when a tool is entered; they are removed together below",
  },
  {
    name: "nobody looks at the lease before acting",
    promise: "J2",
    file: "engine/perform.ts",
    remove: "if (session.lease.isValid() && !session.isLost) return null;",
    put: 'if (session.id !== "") return null;',
    also: {
      file: "engine/advance-session.ts",
      remove: 'if (prepared.starts.length > 0 && !(await isSureOfLease(session))) return "done";',
      put: "",
    },
  },
  {
    name: "a tool is entered after the time its attempt had",
    promise: "E2",
    file: "engine/perform.ts",
    remove: 'if (call?.status.kind === "started" && session.services.clock.now() >= call.status.notAfter)',
    put: 'if (call?.status.kind === "started" && call.status.notAfter < 0)',
  },
  {
    name: "verification does not wait until nothing can be under way",
    promise: "E2",
    file: "core/settle-tool-call.ts",
    remove: "notBefore: quietAt + VERIFY_GRACE_MS",
    put: "notBefore: Math.min(0, quietAt) + VERIFY_GRACE_MS",
  },
  {
    name: "the model is called while a call is open",
    promise: "E3",
    file: "core/reduce-tool-call.ts",
    remove: "if (calls.length > 0) return { ...run, phase: { ...run.phase, calls } };",
    put: "if (calls.length > 1) return { ...run, phase: { ...run.phase, calls } };",
  },
  {
    name: "what runs is not aborted by a cancel",
    promise: "E5",
    file: "engine/active-session.ts",
    remove: "if (running.runId === runId) running.deadline.stop(modelReason(running.key, reason));",
    put: 'if (running.runId === runId && reason.code !== "TOOL_CANCELLED") running.deadline.stop(modelReason(running.key, reason));',
  },
  {
    name: "events are published before they are committed",
    promise: "J1",
    file: "engine/commit-batch.ts",
    remove: "const answer = await session.services.store.commit(request);",
    put: `session.services.feed.publish(session.id, { kind: "events", events: prepared.batch.events });
  const answer = await session.services.store.commit(request);`,
  },
  {
    name: "a takeover is not journaled",
    promise: "E2",
    file: "engine/active-session.ts",
    remove: "this.recovery = needs ?",
    put: "this.recovery = needs && loaded.isRestored ?",
  },
  {
    name: "a commit of unknown fate is taken for stored",
    promise: "J1",
    file: "engine/commit-batch.ts",
    remove: "if (!isOurs) return lookAgain(session);",
    put: "if (isOurs && head.position < 0) return lookAgain(session);",
  },
  {
    name: "a commit of unknown fate is taken for lost",
    promise: "J1",
    file: "engine/commit-batch.ts",
    remove: "const isOurs = prepared.batch.events.length > 0 && sameBytes(head.hash, prepared.batch.hash);",
    put: "const isOurs = prepared.batch.events.length < 0 && sameBytes(head.hash, prepared.batch.hash);",
    equivalent:
      "the holder finds the journal moved, lets go, and the session is taken over like that of a dead process",
  },
  {
    name: "a late model answer is used in the next attempt",
    promise: "E1",
    file: "engine/outcome.ts",
    remove:
      'run?.phase.kind === "calling-model" && run.phase.call.position === startedAt ? run.phase.call : null;',
    put: 'run?.phase.kind === "calling-model" && startedAt > 0 ? run.phase.call : null;',
    equivalent: "a holder has one model call in flight, and a takeover begins with nothing in flight",
  },
  {
    name: "a release whose answer was lost leaves a holder without a lease",
    promise: "J2",
    file: "engine/active-session.ts",
    remove: "if (loaded.lease === null) this.lease.lost();",
    put: "",
  },
  {
    name: "a cancel heard of before its input is lost",
    promise: "J6",
    file: "engine/active-session.ts",
    remove: "this.#putInOrder(loaded.signals);",
    put: "",
  },
];
