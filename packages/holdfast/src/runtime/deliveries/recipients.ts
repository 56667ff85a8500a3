import type { CircuitDelivery, Delivery, DeliveredType, RunDelivery } from "../../core/delivery.ts";
import { ConfigurationError } from "../../core/errors.ts";
import type { RetryPolicy } from "../../core/retry-policy.ts";
import type { Recipient } from "../../engine/recipient.ts";
import type { Redactor } from "../../engine/redactor.ts";
import type { Clock } from "../../ports/clock.ts";
import { checkRetry, checkOptions, positiveInteger } from "../../definitions/known-options.ts";
import { keyOf, urlOf, webhookOf } from "./webhook.ts";

/** Called with what happened; it was taken when the promise it answers with is kept. May be called again. */
export type DeliveryHandler<Told extends Delivery = Delivery> = (
  delivery: Told,
  context: { readonly signal: AbortSignal },
) => unknown;

type Common = {
  /** Deliveries are kept by it, so it stays the same over deploys. */
  readonly name: string;
  /** Only of these agents. */
  readonly agents?: readonly string[];
  /** Sixteen attempts over two days by default. */
  readonly retry?: Partial<RetryPolicy>;
  /** Of one attempt; 15 s by default. */
  readonly timeoutMs?: number;
  /** Whom else to tell, by name: so long after a suspension nobody answered, or after so many failed attempts. */
  readonly escalate?: { readonly to: string; readonly afterMs?: number; readonly afterAttempts?: number };
};

/** Somebody to tell: a function in this process, or a webhook (Standard Webhooks). */
export type RecipientOptions<Told extends Delivery = Delivery> =
  | DeliveryHandler<Told>
  | (Common & { readonly handle: DeliveryHandler<Told> })
  | (Common & {
      readonly url: string | URL;
      /** `whsec_…`; of several, the first is in force and the others are on their way out. */
      readonly secret: string | readonly string[];
    });

type OneOrMore<Told extends Delivery> = RecipientOptions<Told> | readonly RecipientOptions<Told>[];

export type DeliveryOptions = {
  /** Told of runs that failed. At least once, in the order of each session, also after a crash. */
  readonly onFailure?: OneOrMore<RunDelivery>;
  /** Told of runs that wait for somebody. */
  readonly onSuspend?: OneOrMore<RunDelivery>;
  /** Told of runs that came to their end: completed, failed or cancelled. */
  readonly onSettled?: OneOrMore<RunDelivery>;
  /** Told of calls of `write` tools that failed in each of their attempts. */
  readonly onRetriesSpent?: OneOrMore<RunDelivery>;
  /** Told of what is not called any more because it keeps failing, and of what is called again. */
  readonly onCircuit?: OneOrMore<CircuitDelivery>;
  /** Told of nothing by itself: others escalate to them. */
  readonly onEscalation?: OneOrMore<Delivery>;
};

const HOOKS: Readonly<Record<keyof DeliveryOptions, readonly DeliveredType[]>> = {
  onFailure: ["run.failed"],
  onSuspend: ["run.suspended"],
  onSettled: ["run.completed", "run.failed", "run.cancelled"],
  onRetriesSpent: ["tool-call.failed"],
  onCircuit: ["circuit.opened", "circuit.closed"],
  onEscalation: [],
};

export const DELIVERY_HOOKS: readonly string[] = Object.keys(HOOKS);

/** About two days, doubling from five seconds: a webhook that is down over a weekend misses little. */
const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 16, initialDelayMs: 5_000, maxDelayMs: 86_400_000 };
const DEFAULT_TIMEOUT_MS = 15_000;
const KNOWN = ["name", "agents", "retry", "timeoutMs", "escalate", "handle", "url", "secret"];
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/;

type Parts = { readonly clock: Clock; readonly redactor: Redactor };

/** Everybody who is told of something, by name. @throws ConfigurationError */
export const recipientsOf = (options: DeliveryOptions, parts: Parts): ReadonlyMap<string, Recipient> => {
  const given = new Map<string, RecipientOptions>();
  const found = new Map<string, Recipient>();
  for (const [hook, types] of Object.entries(HOOKS)) {
    const told = options[hook as keyof DeliveryOptions] as OneOrMore<never> | undefined;
    for (const one of told === undefined ? [] : listOf(told)) {
      const recipient = recipientOf(hook, one, parts);
      const { name } = recipient;
      const other = found.get(name);
      if (other !== undefined && given.get(name) !== one) throw taken(hook, name);
      given.set(name, one);
      found.set(name, { ...recipient, on: new Set([...(other?.on ?? []), ...types]) });
    }
  }
  for (const { name, escalation } of found.values())
    if (escalation !== null && !found.has(escalation.to)) throw nobody(name, escalation.to);
  return found;
};

/** A handler is called with what its hook is about, and with nothing else. */
const listOf = (told: OneOrMore<never>): readonly RecipientOptions[] =>
  (Array.isArray(told) ? told : [told]) as readonly RecipientOptions[];

const taken = (hook: string, name: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${hook}: two recipients are named "${name}".`, {
    hint: "Name each; to tell one of more, give the same object in each place.",
  });

const nobody = (name: string, to: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `Recipient "${name}" escalates to "${to}", and there is none.`, {
    hint: "Give it in `onEscalation`, or name one that there is.",
  });

const recipientOf = (hook: string, given: RecipientOptions, parts: Parts): Recipient => {
  const options = typeof given === "function" ? { name: hook, handle: given } : given;
  const owner = `${hook}: recipient "${String(options.name)}"`;
  checkOptions(options, { owner, known: KNOWN, later: [] });
  if (typeof options.name !== "string" || !NAME.test(options.name))
    throw new ConfigurationError("OPTION_INVALID", `${hook}: a recipient has no usable name.`, {
      hint: "Use up to 100 letters, digits, dots, _ or -, beginning with a letter or digit.",
    });
  return {
    name: options.name,
    on: new Set(),
    agents: options.agents === undefined ? null : new Set(options.agents),
    retry: checkRetry({ ...DEFAULT_RETRY, ...options.retry }, owner),
    timeoutMs: positiveInteger(owner, "timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    escalation: escalationOf(owner, options.escalate),
    deliver: deliverOf(owner, options, parts),
  };
};

const escalationOf = (owner: string, escalate: Common["escalate"]): Recipient["escalation"] => {
  if (escalate === undefined) return null;
  const { to, afterMs, afterAttempts } = escalate;
  checkOptions(escalate, {
    owner: `${owner}: escalate`,
    known: ["to", "afterMs", "afterAttempts"],
    later: [],
  });
  return {
    to,
    afterMs: afterMs === undefined ? null : positiveInteger(owner, "escalate.afterMs", afterMs),
    afterAttempts:
      afterAttempts === undefined ? null : positiveInteger(owner, "escalate.afterAttempts", afterAttempts),
  };
};

const deliverOf = (
  owner: string,
  options: Exclude<RecipientOptions, DeliveryHandler>,
  { clock, redactor }: Parts,
): Recipient["deliver"] => {
  if ("handle" in options) {
    const { handle } = options;
    if (typeof handle !== "function")
      throw new ConfigurationError("OPTION_INVALID", `${owner}: "handle" is not a function.`);
    return async (delivery, signal) => {
      await handle(delivery, { signal });
      return { kind: "done" };
    };
  }
  const secrets = typeof options.secret === "string" ? [options.secret] : [...(options.secret ?? [])];
  if (secrets.length === 0)
    throw new ConfigurationError("OPTION_INVALID", `${owner}: it has neither "handle" nor a "secret".`, {
      hint: 'Give "handle", or "url" and "secret".',
    });
  const keys = secrets.map((secret) => keyOf(owner, secret));
  // O2: the secret of a webhook is nowhere to be seen
  for (const secret of secrets) redactor.learn(`webhook ${options.name}`, secret);
  return webhookOf({ name: options.name, url: urlOf(owner, options.url), keys, clock });
};
