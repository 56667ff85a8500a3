const MAX_CHARS = 300;

/** Shapes of credentials that providers and proxies echo in their errors. */
const CREDENTIALS: readonly RegExp[] = [
  /\b(?:sk|pk|rk|gsk|xai|pplx|key|token|ghp|gho|xox[abp])[-_][\w*.-]{6,}/gi,
  /\bAIza[\w-]{10,}/g,
  /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  /\b(?:bearer|basic)\s+[\w+/=.~*-]{6,}/gi,
  /((?:api[-_ ]?key|authorization|access[-_ ]?token)["']?\s*(?:provided)?\s*[:=]\s*["']?)[^\s"',;}]{6,}/gi,
  /([?&](?:key|api_key|token|access_token)=)[^&\s"']+/gi,
];

/**
 * A provider's words as they may be stored and shown: shortened, and without anything that looks like
 * a credential, or is one of `secrets` (O2).
 */
export const redactMessage = (message: string, secrets: readonly string[]): string => {
  let text = message;
  for (const secret of secrets) {
    if (secret.length >= 6) text = text.replaceAll(secret, "[redacted]");
  }
  for (const credential of CREDENTIALS) {
    text = text.replace(
      credential,
      (_, kept: unknown) => `${typeof kept === "string" ? kept : ""}[redacted]`,
    );
  }
  text = text.replaceAll(/\s+/g, " ").trim();
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
};
