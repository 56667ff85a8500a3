import type { JsonObject } from "../core/json.ts";

/** What definitions are told of the session they run in. */
export type SessionContext = {
  readonly id: string;
  readonly tenant: string | null;
  readonly user: string | null;
  readonly attributes: JsonObject;
};
