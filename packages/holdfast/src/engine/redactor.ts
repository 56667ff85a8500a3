import type { Failure } from "../core/failure.ts";
import type { JsonValue } from "../core/json.ts";

/** Shorter values would redact ordinary words. */
const MIN_SECRET_CHARS = 6;
/** What `toFailure` ends a message with that it had to shorten. */
const CUT = "…";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** Of a character. */
const MAX_UTF8_BYTES = 3;

/**
 * Keeps secrets out of journal, log, trace and model context (O2). It knows a secret from the moment
 * a tool has asked for it, in the spellings it is likely to come back in.
 */
export class Redactor {
  /** Longest first: one secret may be part of another. */
  #spellings: readonly (readonly [spelling: string, mark: string])[] = [];
  readonly #known = new Set<string>();

  /** Remembers a secret that was handed out. */
  learn(name: string, value: string): void {
    if (value.length < MIN_SECRET_CHARS || this.#known.has(value)) return;
    this.#known.add(value);
    const mark = `[secret:${name}]`;
    const added = spellingsOf(value).map((spelling) => [spelling, mark] as const);
    this.#spellings = [...this.#spellings, ...added].toSorted(
      ([left], [right]) => right.length - left.length,
    );
  }

  get isEmpty(): boolean {
    return this.#spellings.length === 0;
  }

  text(text: string): string {
    let clean = text;
    for (const [spelling, mark] of this.#spellings) {
      if (clean.includes(spelling)) clean = clean.replaceAll(spelling, mark);
    }
    return clean.endsWith(CUT) ? this.#withoutCutSecret(clean) : clean;
  }

  /** Whether `text` would change them, read as UTF-8: they are looked through as they are, which is many times as fast. */
  isIn(bytes: Buffer): boolean {
    if (this.#spellings.some(([spelling]) => bytes.includes(spelling))) return true;
    const longest = this.#spellings[0]?.[0].length ?? 0;
    const tail = bytes.subarray(-(longest + CUT.length) * MAX_UTF8_BYTES).toString("utf8");
    return tail.endsWith(CUT) && this.#withoutCutSecret(tail) !== tail;
  }

  /** The same of text in Base64, in which most spellings cannot be. */
  isInBase64(encoded: string): boolean {
    return this.#spellings.some(([spelling]) => BASE64.test(spelling) && encoded.includes(spelling));
  }

  value<Value extends JsonValue>(value: Value): Value;
  value(value: JsonValue): JsonValue {
    if (this.isEmpty) return value;
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number") {
      const text = this.text(String(value));
      return text === String(value) ? value : text;
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item: JsonValue) => this.value(item));
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [this.text(name), this.value(member as JsonValue)]),
    );
  }

  /** A failure with its causes and details; its code is ours and stays. */
  failure(failed: Failure): Failure {
    if (this.isEmpty) return failed;
    return {
      ...failed,
      message: this.text(failed.message),
      ...(failed.hint === undefined ? {} : { hint: this.text(failed.hint) }),
      ...(failed.details === undefined ? {} : { details: this.value(failed.details) }),
      ...(failed.cause === undefined ? {} : { cause: this.failure(failed.cause) }),
    };
  }

  /** A text that was shortened in the middle of a secret still shows the beginning of it. */
  #withoutCutSecret(text: string): string {
    const whole = text.slice(0, -CUT.length);
    for (const [spelling, mark] of this.#spellings) {
      for (let shown = spelling.length - 1; shown >= MIN_SECRET_CHARS / 2; shown -= 1) {
        const head = spelling.slice(0, shown);
        if (whole.endsWith(head)) return `${whole.slice(0, -shown)}${mark}${CUT}`;
      }
    }
    return text;
  }
}

const spellingsOf = (value: string): readonly string[] => {
  const plain = [value, encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)];
  return [...new Set([...plain, ...base64Of(value)])];
};

/** Base64 looks different by where in a text the secret begins: `user:secret` is one text (RFC 7617). */
const base64Of = (value: string): readonly string[] => {
  const utf8 = new TextEncoder().encode(value);
  const standard = [0, 1, 2].map((before) => {
    const bytes = [...new Uint8Array(before), ...utf8];
    const whole = btoa(String.fromCharCode(...bytes)).replaceAll("=", "");
    // Characters that also hold bits of what stands before or after are not the secret's alone.
    const isShared = bytes.length % 3 !== 0;
    return whole.slice(before === 0 ? 0 : before + 1, isShared && before > 0 ? -1 : undefined);
  });
  const aligned = standard[0] ?? "";
  const all = [...standard, aligned.slice(0, -1)].filter((text) => text.length >= MIN_SECRET_CHARS);
  return all.flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")]);
};
