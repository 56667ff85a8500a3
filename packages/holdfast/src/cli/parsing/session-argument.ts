import type { ArgumentSpec } from "./command.ts";

export const SESSION: ArgumentSpec = {
  name: "session",
  isRequired: true,
  about: "a session's id, as `holdfast sessions list` shows it",
};
