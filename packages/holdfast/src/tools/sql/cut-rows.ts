import type { JsonValue } from "../../core/json.ts";

/** Takes rows until there is enough of them. */
export class CutRows {
  readonly rows: (readonly JsonValue[])[] = [];
  readonly #limits: { readonly maxRows: number; readonly maxChars: number };
  #chars = 0;
  #cut: string | null = null;

  constructor(limits: { readonly maxRows: number; readonly maxChars: number }) {
    this.#limits = limits;
  }

  /** Why these are not all rows; null where they are. */
  get cut(): string | null {
    return this.#cut;
  }

  /** False when this row is not taken, and no other needs to be read. */
  take(row: readonly JsonValue[]): boolean {
    const { maxRows, maxChars } = this.#limits;
    if (this.rows.length >= maxRows) {
      this.#cut = `after ${maxRows} rows; there are more. Narrow the query, or count.`;
      return false;
    }
    const chars = JSON.stringify(row).length;
    if (this.#chars + chars > maxChars) {
      this.#cut = `after ${this.rows.length} rows, because more than ${maxChars} characters would have to be shown. Ask for fewer columns or rows.`;
      return false;
    }
    this.#chars += chars;
    this.rows.push(row);
    return true;
  }
}

/** A value of a database as JSON. What JSON cannot hold exactly is text; bytes are only told of. */
export const toCell = (value: unknown): JsonValue => {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return isSafe(value) ? Number(value) : value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`;
  if (Array.isArray(value)) return value.map(toCell);
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as JsonValue);
};

const isSafe = (value: bigint): boolean =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
