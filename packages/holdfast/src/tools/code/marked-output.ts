import { CutText } from "./cut-text.ts";
import { DONE_BEGIN, DONE_END } from "./kept-drivers.ts";

const BEGIN = Buffer.from(DONE_BEGIN);
const END = Buffer.from(DONE_END);
/** Longest text between the two: a number. */
const MAX_STATUS_BYTES = 16;

/** What an interpreter that is kept prints on one of its streams, call by call. */
export class MarkedOutput {
  readonly #onDone: (status: number) => void;
  #text = new CutText();
  /** What may be the beginning of a mark. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(onDone: (status: number) => void) {
    this.#onDone = onDone;
  }

  /** Bytes of the call that is not over yet. */
  get bytes(): number {
    return this.#text.bytes;
  }

  add(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    let hasFound = true;
    while (hasFound) hasFound = this.#takeMark();
  }

  #takeMark(): boolean {
    const at = this.#rest.indexOf(BEGIN);
    if (at === -1) return this.#pass(this.#rest.length - BEGIN.length + 1);
    const from = at + BEGIN.length;
    const found = this.#rest.indexOf(END, from);
    const to = found === -1 ? this.#rest.length : found;
    const status = this.#rest.toString("latin1", from, Math.min(to, from + MAX_STATUS_BYTES));
    // It only looks like a mark.
    if (!/^\d*$/.test(status) || to - from > MAX_STATUS_BYTES) return !this.#pass(from);
    if (found === -1) return this.#pass(at);
    this.#pass(at);
    this.#rest = this.#rest.subarray(to + END.length - at);
    this.#onDone(Number(status));
    return true;
  }

  /** Takes so many bytes for text; there is nothing more to find. */
  #pass(length: number): false {
    if (length > 0) {
      this.#text.add(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
    return false;
  }

  /** What was printed up to here; what comes is of the next call. */
  take(): string {
    const text = this.#text.text();
    this.#text = new CutText();
    return text;
  }

  /** The same where nothing comes any more. */
  takeAll(): string {
    this.#pass(this.#rest.length);
    return this.take();
  }
}
