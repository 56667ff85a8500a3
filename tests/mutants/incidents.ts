/** What broke in comparable systems, for their users; and the guards that keep it from breaking here. */
export type Incident = {
  readonly promise: string;
  readonly what: string;
  /** Public issue threads, by repository and number, where the story can be read. */
  readonly where: string;
  /** Guards that stand against it, by id. */
  readonly guards: readonly string[];
};

export const INCIDENTS: readonly Incident[] = [
  {
    promise: "E1",
    what: "a resume ran every earlier tool again",
    where: "agent-framework#3938",
    guards: ["core/reduce-tool-call.ts: a settled call leaves the state"],
  },
  {
    promise: "E1",
    what: "tools longer than about 180 s were executed again",
    where: "langgraph#7213, #7417",
    guards: [
      "stores/in-memory/in-memory-store.ts: a renewed lease is longer",
      "core/plan-tool-calls.ts: nothing is verified while it can be under way",
    ],
  },
  {
    promise: "E1",
    what: "a step body ran twice while the journal showed one attempt",
    where: "vercel/workflow#3553, #2331, #2039",
    guards: ["stores/in-memory/memory-commit.ts: an older epoch writes nothing"],
  },
  {
    promise: "E1",
    what: "an unrelated signal re-dispatched a step in flight",
    where: "vercel/workflow#2780",
    guards: [
      "core/plan.ts: a model call in flight is not made again",
      "engine/prepare-batch.ts: a verification in flight is not begun again",
    ],
  },
  {
    promise: "E1",
    what: "two resumes of one approval ran the rest twice",
    where: "mastra#20443",
    guards: ["engine/read-signal.ts: the first answer wins", "runtime/session.ts: the first answer wins"],
  },
  {
    promise: "E1",
    what: "finished parallel branches went back to suspended",
    where: "mastra#9288",
    guards: ["core/reduce-tool-call.ts: a settled call leaves the state"],
  },
  {
    promise: "E2",
    what: "writes recorded in the wrong order: duplicate or not, as the scheduler pleased",
    where: "langgraph#8039, #8234",
    guards: ["stores/in-memory/memory-commit.ts: what was read must still be the end"],
  },
  {
    promise: "E2",
    what: "the success report was lost, so the step ran again",
    where: "vercel/workflow#2675",
    guards: [
      "core/settle-tool-call.ts: a write that did not come back well may have happened",
      "core/plan-tool-calls.ts: a lost write is not repeated",
    ],
  },
  {
    promise: "E3",
    what: "an orphaned tool call poisoned the conversation for ever",
    where: "letta#3273, #3308; claude-code#2261",
    guards: [
      "core/reduce-tool-call.ts: the model is not called while a call is open",
      "core/window.ts: a call is not parted from its result",
    ],
  },
  {
    promise: "E5",
    what: "stop did not stop",
    where: "langgraphjs#2755, #1610; vercel/ai#6502, #18458",
    guards: [
      "core/plan.ts: a run that is being stopped begins nothing",
      "stores/in-memory/memory-commit.ts: nothing starts under an older gate",
      "engine/active-session.ts: what runs is stopped when a cancel is heard of",
      "engine/perform.ts: a tool of a cancelled run is not entered",
    ],
  },
  {
    promise: "E6",
    what: "tool timeouts missing, or a default that killed good tools",
    where: "vercel/ai#13365, #12037; opencode#25509",
    guards: [
      "core/plan.ts: a run has a time limit",
      "engine/call-tool.ts: a tool has a time limit",
      "engine/verify-call.ts: a verification has a time limit",
    ],
  },
  {
    promise: "E7",
    what: "a retried step was written twice to the stream",
    where: "dbos-transact-py#770",
    guards: ["core/reduce-model-call.ts: model calls are counted by attempt"],
  },
  {
    promise: "E9",
    what: "a stream cut inside tool arguments gave a tool call with truncated JSON",
    where: "a provider's adapter, seen in a trial",
    guards: ["core/settle-model-call.ts: no call runs from an answer that did not finish well"],
  },
  {
    promise: "J1",
    what: "acknowledged before it was on disk: a seventh of the acknowledged messages lost with the power",
    where: "Jepsen on NATS 2.12.1",
    guards: [
      "stores/in-memory/memory-commit.ts: the events are kept",
      "engine/advance-session.ts: nothing acts on a commit that is not stored",
    ],
  },
  {
    promise: "J1",
    what: "an accepted run was dropped when the process died before the first checkpoint",
    where: "langgraph#8764",
    guards: ["stores/in-memory/memory-data.ts: what is posted is kept"],
  },
  {
    promise: "J2",
    what: "recovery at launch re-executed a workflow that was running elsewhere",
    where: "dbos-transact-java#491",
    guards: [
      "stores/in-memory/memory-commit.ts: a session that is held is not claimed",
      "engine/worker.ts: a session that another works is left to it",
    ],
  },
  {
    promise: "J2",
    what: "two workers read a different value after recovery",
    where: "dbos-transact-ts#1205",
    guards: ["stores/in-memory/memory-commit.ts: an older epoch writes nothing"],
  },
  {
    promise: "J3",
    what: "duplicate terminal events corrupted the log",
    where: "vercel/workflow#1523",
    guards: ["core/reduce.ts: an event that does not belong stops the fold"],
  },
  {
    promise: "J5",
    what: "a duplicate or empty id broke durability or ran a ghost for a month",
    where: "dbos-transact-ts#725, py#759",
    guards: [
      "stores/in-memory/memory-data.ts: a key is used once",
      "stores/in-memory/memory-data.ts: keys are remembered",
    ],
  },
  {
    promise: "J6",
    what: "concurrent messages corrupted a session",
    where: "adk-python#1049, #1733; mastra#21906",
    guards: ["stores/in-memory/memory-commit.ts: what was read leaves the mailbox"],
  },
  {
    promise: "S3",
    what: "memory and processes leaked",
    where: "mastra#11169, #20272; claude-mem#499",
    guards: ["stores/in-memory/memory-commit.ts: a session that is let go has no lease"],
  },
  {
    promise: "S5",
    what: "stream resume stuck, or lost parts",
    where: "cloudflare/agents#1553, #1485, #2042",
    guards: [
      "engine/event-stream.ts: no event is passed over",
      "engine/event-stream.ts: an event is given out once",
      "engine/event-stream.ts: what others have stored is read",
    ],
  },
  {
    promise: "S6",
    what: "a deploy stranded the runs in flight",
    where: "vercel/workflow#13",
    guards: ["engine/prepare-batch.ts: what waited for a definition goes on where it is known"],
  },
  {
    promise: "E4",
    what: "an approval hit another call, or a declined one",
    where: "mastra#19633, #20470; langgraph#6626, #6533",
    guards: [
      "core/pending-approval.ts: an answer to an earlier question decides nothing",
      "core/call-transitions.ts: what was asked for starts when it is granted",
      "engine/withdraw-approval.ts: an approval is for this input",
    ],
  },
  {
    promise: "E4",
    what: "an approval could be forged",
    where: "vercel/ai#16068",
    guards: ["core/approval.ts: only those who may decide do"],
  },
  {
    promise: "E8",
    what: "usage of an aborted stream was lost; no real budget stopped a runaway",
    where: "vercel/ai#7805; openai-agents-js#995; openai-agents-python#3353",
    guards: [
      "core/plan-budget.ts: a call that does not fit its run is not made",
      "engine/call-model.ts: an answer that we ended is charged all that was set aside",
      "engine/commit-batch.ts: what is over gives back what it did not spend",
    ],
  },
];

/** Rows of the same list that no guard in scope stands against yet, and why. */
export const INCIDENTS_OUT_OF_SCOPE: readonly (Omit<Incident, "guards"> & { readonly why: string })[] = [
  {
    promise: "E4",
    what: "approval refused once the state was large; no snapshot after approval",
    where: "mastra#22413, #10389",
    why: "an approval is a signal of a few bytes, and a snapshot holds no content: how large a state is plays no part. Thousands of calls: core/many-calls.test.ts",
  },
  {
    promise: "S3",
    what: "storage grew with the square of the turns",
    where: "deer-flow#3011; langgraphjs#1138",
    why: "a size is measured, by bench, and not simulated",
  },
  {
    promise: "O1",
    what: "traces broke across suspend and retry",
    where: "mastra#20771, #21079, #19184",
    why: "traces leave through a collector, and the simulated processes have none",
  },
  {
    promise: "E3",
    what: "compaction failed exactly at overflow; the provider's overflow error was fatal",
    where: "mastra#21657, #20930",
    why: "compaction by summary is not built; what is cut at overflow is held by E3 and E7 above",
  },
  {
    promise: "S6",
    what: "server restarts lost the tool session for ever",
    where: "mastra#7675; claude-code#15758",
    why: "tools on remote servers are not built",
  },
];
