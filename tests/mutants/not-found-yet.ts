/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

const each = (wanted: string, ...ids: readonly string[]): readonly NotFoundYet[] =>
  ids.map((id) => ({ id, wanted }));

export const NOT_FOUND_YET: readonly NotFoundYet[] = [
  ...each(
    "worlds in which tools have circuits; core/circuit.property.test.ts and runtime/circuits.test.ts and runtime/model-circuits.test.ts test each",
    "core/circuit.ts: what keeps failing is not called for a while",
    "core/circuit.ts: only the call that tries it says whether it works again",
    "core/circuit.ts: what failed long ago is forgotten",
    "core/circuit.ts: what mostly works is not held back",
    "engine/tool-circuit.ts: what did not come to a tool says nothing of it",
    "engine/model-circuit.ts: where there is another model that one is asked, and nobody waits",
    "engine/held-back.ts: an undo is tried whatever is known of its tool",
    "engine/held-back.ts: what may have happened already is not said not to have been called",
  ),
  ...each(
    "longer lines than those of simulated worlds, and clocks by which they are judged; engine/waiting-line.test.ts and runtime/call-limits.test.ts test each",
    "engine/waiting-line.ts: nobody waits for longer than is said",
    "engine/waiting-line.ts: who waits for long waits in the journal",
    "engine/waiting-line.ts: who came first goes first",
    "engine/waiting-line.ts: none begins more often than may be",
    "engine/await-turn.ts: an undo waits for its turn however long that takes",
    "engine/await-turn.ts: what may have happened waits for its turn however long that takes",
    "engine/prepare-batch.ts: a call begins when it is its turn",
  ),
  ...each(
    "turns in which some calls wait for a place and others do not; runtime/call-limits-room.test.ts and engine/waiting-line.test.ts test each",
    "engine/prepare-batch.ts: who waits for a turn takes no room from others",
    "engine/prepare-batch.ts: who has no room keeps nobody waiting",
    "engine/waiting-line.ts: who gives way lets the next one in",
    "engine/besides-waiting.ts: an approval is checked again also where its call begins beside one that waits",
  ),
  ...each(
    "calls of limited tools that end in every way there is: each of these stands in for the others in all but a few moments",
    "engine/active-session.ts: a call that has ended lets the next one begin",
    "engine/advance-session.ts: who goes away does not keep others waiting",
    "engine/prepare-batch.ts: who does not begin after all does not keep others waiting",
  ),
  ...each(
    "a tool that fails by itself while the end of its run is being stored",
    "engine/fall-back.ts: what was stopped has no fallback",
  ),
  ...each(
    "worlds in which tools fall back on others; runtime/fallback.test.ts and runtime/fallback-safety.test.ts test each",
    "core/reduce-tool-call.ts: another tool is tried as often as it may be",
    "core/reduce-tool-call.ts: what did not happen is not undone",
    "engine/fall-back.ts: nothing takes the place of an undo",
    "engine/fall-back.ts: an answer that says no is an answer",
    "engine/fall-back.ts: what may have happened is not asked of another tool",
    "engine/fall-back.ts: nor what may have done part of it before it suspended itself",
    "engine/fall-back.ts: what interceptors do not let pass as it is does not take another's place",
    "engine/fall-back.ts: what was approved is not put in the hands of another tool",
    "engine/fall-back.ts: what somebody has to approve does not take another's place unasked",
    "engine/fall-back.ts: an answer that is too old is none",
    "engine/fall-back.ts: nobody is answered with what another was told",
    "engine/last-good.ts: what was erased is not answered with",
  ),
  ...each(
    "worlds with interceptors; runtime/interceptors.test.ts and runtime/hostile-results.test.ts test each",
    "engine/intercept.ts: arguments that were cut are not run",
    "engine/intercept.ts: an interceptor that says something else lets nothing pass",
    "engine/intercept.ts: arguments that an interceptor changed are checked as well",
    "engine/intercept.ts: an interceptor that says something else lets no result pass",
    "engine/intercept.ts: an interceptor that never answers lets nothing pass",
    "engine/perform.ts: what took place is not unknown because its result was looked at for long",
    "engine/read-decision.ts: what interceptors do not let pass is not approved by changing it to that",
  ),
  ...each(
    "tools that hold something open; runtime/tool-resources.test.ts tests it",
    "engine/worker.ts: a session at rest holds nothing open",
  ),
  ...each(
    "worlds in which a session is handed over; runtime/hand-off.test.ts and runtime/limit-hand-off.test.ts test each",
    "core/plan-budget.ts: what does not fit another agent goes on with",
    "core/transitions.ts: a run that is about to be handed over calls no model",
    "engine/run-budget.ts: a run is handed over at a limit once at most",
    "core/plan-hand-off.ts: a session is handed over once in a turn",
    "core/plan-hand-off.ts: what another agent knows nothing of is done before it comes",
    "engine/hand-off.ts: an approval is still good in the moment in which a session is handed over",
    "engine/hand-off.ts: a run that is handed over keeps its turns",
    "engine/hand-off.ts: a run that is handed over keeps its time",
    "engine/session-content.ts: the conversation is made anew for another agent",
    "engine/worker.ts: a session is not gone on with by another agent than its own",
  ),
  ...each(
    "an agent that calls itself without end, and a caller who answers for an agent; runtime/child-agents.test.ts does both",
    "core/plan-held-call.ts: agents do not call one another for ever",
    "core/call-transitions.ts: a caller does not answer for a child",
    "engine/read-result.ts: what another agent is to answer no caller answers",
  ),
  ...each(
    "children that work for much longer than it takes to hear that they are stopped; runtime/child-agents.test.ts has such ones",
    "engine/child-errands.ts: a child is stopped when nobody waits for it",
    "engine/child-round.ts: a child that nobody waits for is not begun",
  ),
  ...each(
    "a call that is cancelled in a paused session while another is in flight, and a rule that it gets its result at once",
    "core/plan.ts: a call that was cancelled gets its result also where nothing else may happen",
  ),
  ...each(
    "a process that dies less than five seconds before a verification; the sequences of tests/model found it",
    "engine/advance-session.ts: nothing is verified before the session is ours",
  ),
  ...each(
    "an input whose first posting is stored and not answered, and a session that is at work for long when it is handed in again",
    "runtime/create-runtime.ts: what is handed in again is looked for",
  ),
  ...each(
    "a conversation whose reading outlasts its run: a cancel, and the next run's call, while the journal is being read",
    "engine/session-content.ts: a conversation that was read too slowly is not kept",
  ),
  ...each(
    "a lease that is found to be lost while the session is being looked at, and let go by its taker before that look is over",
    "engine/active-session.ts: what is lost is not taken up again by looking at it",
  ),
  ...each(
    "processes with several versions of an agent that pins its runs or asks, and an operator who answers; core/upgrade.test.ts and runtime/upgrade-policy.test.ts hold each",
    "core/upgrade.ts: a pinned run waits for its definition",
    "core/upgrade.ts: a run asks before it goes on with another definition",
    "engine/definition-for.ts: a pinned run goes on with its own definition",
    "engine/prepare-batch.ts: a run begins with the newest definition",
    "engine/waiting-for-definitions.ts: a pinned run goes on where its definition is",
  ),
  ...each(
    "a rule of what comes after a refusal by an account, from what others had set aside then; runtime/shared-budgets.test.ts holds it",
    "core/plan-budget.ts: what others have set aside may come back",
    "core/reduce-budget.ts: waiting for what others have set aside has an end",
    "engine/active-session.ts: what was refused is journaled once",
    "engine/call-budgets.ts: what one run was refused another may be given",
    "engine/prepare-batch.ts: a refusal is journaled before another run begins",
  ),
  ...each(
    "a rule of the end of a run that has made, or repeated, too many calls, and of an answer that a budget cut short; runtime/budgets.test.ts holds it",
    "core/plan.ts: a run has so many tool calls",
    "core/plan.ts: a run that goes round in circles is ended",
    "core/reduce-model-call.ts: an answer that a budget cut short is none",
    "core/settle-model-call.ts: calls beyond the limit of the run are not made",
  ),
  ...each(
    "a session that is left to an operator with money set aside, while others of its purse go on; runtime/shared-budgets.test.ts holds it",
    "core/plan.ts: a session that is left to an operator holds no money",
  ),
  ...each(
    "streams that break off under a budget, with what the provider has really counted; tests/budgets holds it",
    "engine/call-model.ts: what a stream that broke off had cost is not reckoned too low",
  ),
  ...each(
    "worlds with a limit in money in which a model has no price; runtime/budgets.test.ts holds it",
    "engine/run-budget.ts: no run with a limit in money uses a model whose price nobody knows",
  ),
  ...each(
    "writes that fail in each of several attempts, with somebody who is told of that; runtime/tool-reports.test.ts holds it",
    "core/delivery.ts: retries that are spent on a write are told",
  ),
];
