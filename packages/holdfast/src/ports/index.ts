export type * from "./agent.ts";
export type * from "./clock.ts";
export type * from "./journal-store.ts";
export type * from "./model.ts";
export type * from "./telemetry.ts";
export type * from "./tool.ts";
