import type { Clock } from "../../ports/clock.ts";
import type { FromHost, SecretAnswer, ToHost } from "./messages.ts";

/** How a thread or process ended. */
export type End = {
  /** What is known of why, as part of a sentence: "it ran out of memory". */
  readonly why: string;
};

/** What a thread or process says to whoever started it. */
export type CarrierEvents = {
  readonly onMessage: (message: FromHost) => void;
  /** Asked while everything in there waits; must answer at once. */
  readonly onSecret: (name: string) => SecretAnswer;
  /** Once, after the last message. */
  readonly onEnd: (end: End) => void;
};

/** A thread or a process with the host of isolated tools in it. */
export interface Carrier {
  /** @throws when the message cannot be cloned. */
  post(message: ToHost): void;
  /** Ends it, whatever it is doing. */
  kill(): void;
}

export type CarrierOptions = { readonly maxMemoryMb: number; readonly clock: Clock };

export type StartCarrier = (options: CarrierOptions, events: CarrierEvents) => Carrier;

/** The host lies beside the code that starts it, in the source and in what is published. */
export const hostUrl = (): URL =>
  new URL(`./tool-host.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
