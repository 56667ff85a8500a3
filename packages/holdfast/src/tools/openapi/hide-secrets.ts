/** Shorter values would take ordinary words out of texts. */
const MIN_SECRET_CHARS = 4;
const HIDDEN = "[credential]";

/** Takes credentials out of what an API sent back, in each way in which it may have written them (O2). */
export const hideSecrets = (text: string, secrets: readonly string[]): string =>
  secrets
    .filter((secret) => secret.length >= MIN_SECRET_CHARS)
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret.toWellFormed()),
    ])
    .reduce((clean, written) => clean.replaceAll(written, HIDDEN), text);
