import type { CommandEntry } from "./parsing/command.ts";

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "init",
    summary: "write a first agent.ts that runs at once",
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    name: "run",
    summary: "run an agent file on an input",
    load: async () => (await import("./commands/run.ts")).run,
  },
  {
    name: "dev",
    summary: "talk to an agent file, reloaded on each change",
    load: async () => (await import("./commands/dev.ts")).dev,
  },
  {
    name: "sessions list",
    summary: "list sessions, newest first",
    load: async () => (await import("./commands/sessions-list.ts")).sessionsList,
  },
  {
    name: "sessions show",
    summary: "show where a session stands and what it waits for",
    load: async () => (await import("./commands/sessions-show.ts")).sessionsShow,
  },
  {
    name: "sessions tasks",
    summary: "list what a session has to do, and what it did",
    load: async () => (await import("./commands/sessions-tasks.ts")).sessionsTasks,
  },
  {
    name: "sessions events",
    summary: "print a session's journal",
    load: async () => (await import("./commands/sessions-events.ts")).sessionsEvents,
  },
  {
    name: "sessions send",
    summary: "hand in an input, also while a run is active",
    load: async () => (await import("./commands/sessions-send.ts")).sessionsSend,
  },
  {
    name: "sessions cancel",
    summary: "stop what a session is doing",
    load: async () => (await import("./commands/sessions-cancel.ts")).sessionsCancel,
  },
  {
    name: "sessions signal",
    summary: "tell what a tool of a session waits for",
    load: async () => (await import("./commands/sessions-signal.ts")).sessionsSignal,
  },
  {
    name: "sessions pause",
    summary: "let nothing new start in a session",
    load: async () => (await import("./commands/sessions-pause.ts")).sessionsPause,
  },
  {
    name: "sessions resume",
    summary: "let a session go on that is paused or left to an operator",
    load: async () => (await import("./commands/sessions-resume.ts")).sessionsResume,
  },
  {
    name: "sessions raise",
    summary: "give a run more than its limit",
    load: async () => (await import("./commands/sessions-raise.ts")).sessionsRaise,
  },
  {
    name: "approvals list",
    summary: "list the calls that wait for approval",
    load: async () => (await import("./commands/approvals-list.ts")).approvalsList,
  },
  {
    name: "approvals show",
    summary: "show what an approval is about, and who may decide",
    load: async () => (await import("./commands/approvals-show.ts")).approvalsShow,
  },
  {
    name: "approvals approve",
    summary: "let a call run",
    load: async () => (await import("./commands/approvals-decide.ts")).approvalsApprove,
  },
  {
    name: "approvals deny",
    summary: "keep a call from running",
    load: async () => (await import("./commands/approvals-decide.ts")).approvalsDeny,
  },
  {
    name: "approvals edit",
    summary: "let a call run with other arguments",
    load: async () => (await import("./commands/approvals-decide.ts")).approvalsEdit,
  },
  {
    name: "tools list",
    summary: "list an agent's tools, with what each may do",
    load: async () => (await import("./commands/tools-list.ts")).toolsList,
  },
  {
    name: "tools call",
    summary: "call a tool once, without a model",
    load: async () => (await import("./commands/tools-call.ts")).toolsCall,
  },
  {
    name: "calls submit",
    summary: "bring the result of a call that the caller runs",
    load: async () => (await import("./commands/calls-submit.ts")).callsSubmit,
  },
  {
    name: "calls resolve",
    summary: "say what became of a call of unknown outcome",
    load: async () => (await import("./commands/calls-resolve.ts")).callsResolve,
  },
  {
    name: "schedules list",
    summary: "list schedules, newest first",
    load: async () => (await import("./commands/schedules-list.ts")).schedulesList,
  },
  {
    name: "schedules show",
    summary: "show a schedule and its last tick",
    load: async () => (await import("./commands/schedules-show.ts")).schedulesShow,
  },
  {
    name: "schedules create",
    summary: "run an agent by the calendar",
    load: async () => (await import("./commands/schedules-create.ts")).schedulesCreate,
  },
  {
    name: "schedules pause",
    summary: "stop a schedule for a while",
    load: async () => (await import("./commands/schedules-change.ts")).schedulesPause,
  },
  {
    name: "schedules resume",
    summary: "let a paused schedule go on",
    load: async () => (await import("./commands/schedules-change.ts")).schedulesResume,
  },
  {
    name: "schedules remove",
    summary: "end a schedule",
    load: async () => (await import("./commands/schedules-change.ts")).schedulesRemove,
  },
  {
    name: "schedules run",
    summary: "run a schedule once now",
    load: async () => (await import("./commands/schedules-change.ts")).schedulesRun,
  },
  {
    name: "deadletters list",
    summary: "list deliveries that nobody took",
    load: async () => (await import("./commands/deadletters-list.ts")).deadlettersList,
  },
  {
    name: "deadletters show",
    summary: "show such a delivery and why",
    load: async () => (await import("./commands/deadletters-show.ts")).deadlettersShow,
  },
  {
    name: "deadletters retry",
    summary: "send such a delivery again",
    load: async () => (await import("./commands/deadletters-change.ts")).deadlettersRetry,
  },
  {
    name: "deadletters discard",
    summary: "forget such a delivery",
    load: async () => (await import("./commands/deadletters-change.ts")).deadlettersDiscard,
  },
  {
    name: "artifacts list",
    summary: "list the files of a session",
    load: async () => (await import("./commands/artifacts-list.ts")).artifactsList,
  },
  {
    name: "artifacts get",
    summary: "get a file of a session, checked against its digest",
    load: async () => (await import("./commands/artifacts-get.ts")).artifactsGet,
  },
  {
    name: "memory list",
    summary: "list what is remembered, newest first",
    load: async () => (await import("./commands/memory-list.ts")).memoryList,
  },
  {
    name: "memory search",
    summary: "find what a user's agent would recall",
    load: async () => (await import("./commands/memory-search.ts")).memorySearch,
  },
  {
    name: "memory show",
    summary: "show a memory, where it comes from and what it was",
    load: async () => (await import("./commands/memory-show.ts")).memoryShow,
  },
  {
    name: "memory edit",
    summary: "correct a memory",
    load: async () => (await import("./commands/memory-change.ts")).memoryEdit,
  },
  {
    name: "memory promote",
    summary: "let others see what is quarantined",
    load: async () => (await import("./commands/memory-change.ts")).memoryPromote,
  },
  {
    name: "memory forget",
    summary: "remove a memory with its history",
    load: async () => (await import("./commands/memory-change.ts")).memoryForget,
  },
  {
    name: "memory export",
    summary: "print everything that is remembered, a line each",
    load: async () => (await import("./commands/memory-lines.ts")).memoryExport,
  },
  {
    name: "memory import",
    summary: "bring in what was exported",
    load: async () => (await import("./commands/memory-lines.ts")).memoryImport,
  },
  {
    name: "users erase",
    summary: "erase what is known of a user",
    load: async () => (await import("./commands/users-erase.ts")).usersErase,
  },
  {
    name: "budgets",
    summary: "list what budgets have come to",
    load: async () => (await import("./commands/budgets.ts")).budgets,
  },
  {
    name: "deploy check",
    summary: "say what an agent file would change in open sessions",
    load: async () => (await import("./commands/deploy-check.ts")).deployCheck,
  },
  {
    name: "doctor",
    summary: "look over a data directory and this machine",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  {
    name: "backup",
    summary: "copy a data directory while it is in use",
    load: async () => (await import("./commands/backup.ts")).backup,
  },
];
