import type { Random } from "./random.ts";

/** Secrets that every tool asks for and gives away wherever it can; they must be seen nowhere (O2). */
export const SECRET_NAME = "token";
const SECRET = 'hush/hush "47>1?';
/** Of digits only: it may come back as a number. */
const PIN_NAME = "pin";
const PIN = "471147114711";

export const SECRETS = { [SECRET_NAME]: SECRET, [PIN_NAME]: PIN } as const;

/** What the bytes of a secret look like in base64 behind so many other bytes, as far as they are its own. */
const inBase64 = (before: number): string => {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(SECRET)]);
  const from = Math.ceil((before * 8) / 6);
  return bytes.toString("base64").slice(from, Math.floor((bytes.length * 8) / 6));
};

const inUrl = (base64: string): string => base64.replaceAll("+", "-").replaceAll("/", "_");

const BASE64 = [0, 1, 2].map(inBase64);

/** Where a text was cut, so much of a secret may not be left before the cut. */
const LEAST_LEFT = 4;
const CUT = "…";

/** What must stand nowhere, in all the ways in which it may be spelled. */
export const SPELLINGS: readonly string[] = [
  SECRET,
  encodeURIComponent(SECRET),
  PIN,
  ...BASE64,
  ...BASE64.map(inUrl),
  ...Array.from(SECRET, (_, index) => SECRET.slice(0, index))
    .filter(({ length }) => length >= LEAST_LEFT)
    .map((left) => `${left}${CUT}`),
];

/** Quoted once or twice, it is the same secret. */
export const tellsSecret = (text: string): boolean => {
  const plain = text.replaceAll("\\", "");
  return SPELLINGS.some((spelling) => plain.includes(spelling));
};

/** A longer text than is kept of a failure; the secret stands where it is cut. */
const KEPT_CHARS = 2_000;

/** A few words that give the secret away. */
export const wordsWith = (secret: string, random: Random): string => {
  if (random.chance(0.8)) return `The token was ${spelled(secret, random)}.`;
  const words = "The token was ";
  const before = KEPT_CHARS - words.length - random.between(LEAST_LEFT, secret.length);
  return `${".".repeat(before)}${words}${secret}, and so on.`;
};

const spelled = (secret: string, random: Random): string => {
  const base64 = Buffer.from(`${"-".repeat(random.between(0, 2))}${secret}`).toString("base64");
  return random.pick([secret, secret, encodeURIComponent(secret), base64, inUrl(base64)]);
};

/** What a tool gives back that minds no secrets: as a value, as a name, as a number. */
export const withSecrets = (
  ask: (name: string) => string,
  random: Random,
): Readonly<Record<string, unknown>> => {
  const secret = ask(SECRET_NAME);
  const pin = ask(PIN_NAME);
  return random.pick<Readonly<Record<string, unknown>>>([
    { token: spelled(secret, random) },
    { token: { [secret]: [Number(pin), true] } },
    { token: [spelled(secret, random), pin] },
  ]);
};
