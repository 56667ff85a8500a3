import { z } from "zod";
import type { EffectLog } from "./effect-log.ts";

export const findingBody = z.object({
  /** The client's own name for this finding. The desk looks it up, and never refuses one it has seen before. */
  reference: z.string().min(1).max(200),
  session: z.string().max(200),
  title: z.string().min(1).max(300),
  severity: z.enum(["low", "medium", "high"]),
  path: z.string().max(1_000).optional(),
  detail: z.string().max(4_000).optional(),
});

export type FindingBody = z.infer<typeof findingBody>;

export type Finding = {
  readonly number: number;
  readonly reference: string;
  readonly title: string;
  readonly severity: string;
};

/** The desk itself: files findings, and answers what is filed under a reference. */
export type Desk = {
  received(body: FindingBody, fault: string): void;
  /** Files one more finding, also when the reference is known: what is asked twice is done twice. */
  file(body: FindingBody): Finding;
  find(reference: string): readonly Finding[];
};

export const createDesk = (log: EffectLog): Desk => {
  const filed = (): readonly Finding[] => log.lines.filter((line) => line.event === "filed");
  return {
    received: ({ session, reference }, fault) =>
      log.append({ event: "received", at: Date.now(), session, reference, fault }),
    file: ({ session, reference, title, severity }) => {
      const number = filed().length + 1;
      log.append({ event: "filed", at: Date.now(), session, reference, number, title, severity });
      return { number, reference, title, severity };
    },
    find: (reference) =>
      filed()
        .filter((finding) => finding.reference === reference)
        .map(({ number, title, severity }) => ({ number, reference, title, severity })),
  };
};

const ADVICE: Readonly<Record<string, string>> = {
  "long-file":
    "A file nobody can hold in mind is changed with fear. Split it along the reasons it changes for.",
  "open-task":
    "A task noted in the code is seen only by who reads that line. Do it, or move it where work is planned.",
  "busy-module": "What many files import is expensive to change. Keep its surface small and its tests close.",
  "large-file":
    "Large files make every clone and search slower. Generate them, or keep them outside the sources.",
  "repeated-file": "The same content in two places will differ one day. Keep one, and refer to it.",
};

export const ADVICE_TOPICS: readonly string[] = Object.keys(ADVICE);

export const adviceOn = (topic: string): string | undefined => ADVICE[topic];
