import type { RunStatus } from "../../core/index.ts";
import type { Style } from "./terminal.ts";

const STYLES: Readonly<Partial<Record<RunStatus, Style>>> = {
  running: "cyan",
  suspended: "yellow",
  completed: "green",
  failed: "red",
};

export const statusStyle = (status: RunStatus): Style | undefined => STYLES[status];
