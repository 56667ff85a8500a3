import type { ArgumentSpec } from "./command.ts";

export const SCHEDULE: ArgumentSpec = {
  name: "schedule",
  isRequired: true,
  about: "a schedule's id, as `holdfast schedules list` shows it",
};
