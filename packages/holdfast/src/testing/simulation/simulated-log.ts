import type { SessionId } from "../../core/ids.ts";
import type { Logger } from "../../ports/tool.ts";
import { codeOf, isAlarming } from "./alarm.ts";
import type { Chaos } from "./chaos.ts";
import type { Ledger } from "./ledger.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { tellsSecret } from "./simulated-secret.ts";

type LogParts = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  readonly ledger: Ledger;
  readonly say: (line: string) => void;
  readonly alarm: (what: string) => void;
  /** Told of the session that is in trouble. */
  readonly onTrouble: (sessionId: SessionId) => void;
};

type Fields = Readonly<Record<string, unknown>>;

/** What a process logs is told in the trace where it is bad news; none of it may tell a secret (O2). */
export const simulatedLog = (parts: LogParts): Logger => {
  const hear = (message: string, fields: Fields = {}): void => {
    if (tellsSecret(`${message} ${JSON.stringify(fields)}`)) parts.alarm("a secret was logged");
  };
  return {
    debug: hear,
    info: hear,
    warn: hear,
    error: (message, fields) => {
      hear(message, fields);
      if (parts.process.isDead) return;
      parts.say(`${parts.process.name} says: ${message}`);
      const sessionId = fields?.["sessionId"];
      if (typeof sessionId === "string") parts.onTrouble(sessionId);
      if (isAlarming(fields?.["failure"]) && !isExplained(parts, fields)) parts.alarm(message);
    },
  };
};

/** Who was given damage, or what a later version wrote, has to say so. */
const isExplained = ({ chaos, ledger }: LogParts, fields: Fields | undefined): boolean => {
  const code = codeOf(fields?.["failure"]);
  if (code === "STORE_DAMAGED") return chaos.counts.has("damaged-read");
  const sessionId: SessionId | undefined = ledger.stranger?.sessionId;
  return code === "JOURNAL_INVALID" && fields?.["sessionId"] === sessionId;
};
