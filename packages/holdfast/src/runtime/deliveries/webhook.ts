import { createHmac } from "node:crypto";
import type { Delivery } from "../../core/delivery.ts";
import { ConfigurationError } from "../../core/errors.ts";
import { parseHttpDate } from "../../core/http-date.ts";
import { parseRetryAfter } from "../../core/retry-after.ts";
import { deliveryFailure } from "../../engine/delivery-round.ts";
import type { Delivered, Recipient } from "../../engine/recipient.ts";
import type { Clock } from "../../ports/clock.ts";

/** What the headers and the signature are made of: Standard Webhooks 1.0.0, spec/standard-webhooks.md. */
const PREFIX = "whsec_";
const LEAST_SECRET_BYTES = 24;
const MOST_SECRET_BYTES = 64;
const GONE = 410;

type Webhook = {
  readonly name: string;
  readonly url: URL;
  /** The first is the one in force; the others are on their way out. */
  readonly keys: readonly Uint8Array[];
  readonly clock: Clock;
};

/** Sends deliveries as signed HTTP requests. */
export const webhookOf =
  ({ name, url, keys, clock }: Webhook): Recipient["deliver"] =>
  async (delivery, signal) => {
    const body = JSON.stringify(payloadOf(delivery));
    // Of the attempt, not of the event: so that an old one cannot be sent again by somebody else.
    const timestamp = String(Math.floor(clock.now() / 1_000));
    const response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal,
      body,
      headers: {
        "content-type": "application/json",
        "user-agent": "holdfast",
        "webhook-id": delivery.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signaturesOf(keys, `${delivery.id}.${timestamp}.${body}`),
      },
    });
    await response.body?.cancel();
    return answerOf(name, response, clock);
  };

const signaturesOf = (keys: readonly Uint8Array[], content: string): string =>
  keys.map((key) => `v1,${createHmac("sha256", key).update(content).digest("base64")}`).join(" ");

const payloadOf = ({ id: _id, type, at, ...data }: Delivery): object => ({
  type,
  timestamp: new Date(at).toISOString(),
  data,
});

/** 2xx is a success and all else a failure; 410 ends the recipient, a redirect is not followed. */
const answerOf = (name: string, { ok, status, headers }: Response, clock: Clock): Delivered => {
  if (ok) return { kind: "done" };
  return {
    kind: "failed",
    failure: deliveryFailure(`"${name}" answered ${status}.`, { status }),
    retryAfterMs: parseRetryAfter(
      headers.get("retry-after"),
      parseHttpDate(headers.get("date")) ?? clock.now(),
    ),
    ends: status === GONE ? "recipient" : "attempt",
  };
};

/** @throws ConfigurationError */
export const urlOf = (owner: string, given: string | URL): URL => {
  const url = URL.parse(String(given));
  const isUsable = url !== null && (url.protocol === "https:" || url.protocol === "http:");
  if (isUsable && url.username === "" && url.password === "") return url;
  throw new ConfigurationError("OPTION_INVALID", `${owner}: "url" is not the address of a webhook.`, {
    hint: "Give an http or https URL without a user or password in it.",
  });
};

/** @throws ConfigurationError */
export const keyOf = (owner: string, secret: string): Uint8Array => {
  const text = typeof secret === "string" && secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  const key = Buffer.from(text, "base64");
  const isWhole = key.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
  if (isWhole && key.length >= LEAST_SECRET_BYTES && key.length <= MOST_SECRET_BYTES) return key;
  throw new ConfigurationError("OPTION_INVALID", `${owner}: "secret" is not the secret of a webhook.`, {
    hint: `It is ${PREFIX} and ${LEAST_SECRET_BYTES} to ${MOST_SECRET_BYTES} random bytes in base64.`,
  });
};
