import type { JsonValue } from "../core/json.ts";

/** Shorter values would redact ordinary words. */
const MIN_SECRET_CHARS = 6;

/**
 * Keeps secrets out of journal, log, trace and model context (O2). It knows a secret from the moment
 * a tool has asked for it, in the spellings it is likely to come back in.
 */
export class Redactor {
  readonly #spellings = new Map<string, string>();

  /** Remembers a secret that was handed out. */
  learn(name: string, value: string): void {
    if (value.length < MIN_SECRET_CHARS) return;
    const mark = `[secret:${name}]`;
    const utf8 = new TextEncoder().encode(value);
    const base64 = btoa(String.fromCharCode(...utf8));
    for (const spelling of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), base64]) {
      this.#spellings.set(spelling, mark);
    }
  }

  get isEmpty(): boolean {
    return this.#spellings.size === 0;
  }

  text(text: string): string {
    let clean = text;
    for (const [spelling, mark] of this.#spellings) {
      if (clean.includes(spelling)) clean = clean.replaceAll(spelling, mark);
    }
    return clean;
  }

  value<Value extends JsonValue>(value: Value): Value;
  value(value: JsonValue): JsonValue {
    if (this.isEmpty) return value;
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item: JsonValue) => this.value(item));
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [this.text(name), this.value(member as JsonValue)]),
    );
  }
}
