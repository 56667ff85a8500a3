import type { CommandEntry } from "./parsing/command.ts";

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "run an agent file on an input",
    load: async () => (await import("./commands/run.ts")).run,
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
    name: "sessions events",
    summary: "print a session's journal",
    load: async () => (await import("./commands/sessions-events.ts")).sessionsEvents,
  },
];
