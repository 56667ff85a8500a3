const HEAD_BYTES = 24 * 1_024;
const TAIL_BYTES = 8 * 1_024;

/** Keeps the beginning and the end of what a stream brings, in bounded memory, and says what lies between. */
export class CutText {
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  #bytes = 0;

  /** Bytes that came, kept or not. */
  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const room = HEAD_BYTES - this.#headBytes;
    const first = chunk.subarray(0, room);
    if (first.length > 0) this.#head.push(first);
    this.#headBytes += first.length;
    if (chunk.length > room) this.#keepTail(chunk.subarray(room));
  }

  #keepTail(rest: Buffer): void {
    const tail = rest.length >= TAIL_BYTES ? rest : Buffer.concat([this.#tail, rest]);
    this.#tail = Buffer.from(tail.subarray(-TAIL_BYTES));
  }

  text(): string {
    const head = Buffer.concat(this.#head).toString();
    const left = this.#bytes - this.#headBytes - this.#tail.length;
    const tail = this.#tail.toString();
    if (left === 0) return Buffer.concat([...this.#head, this.#tail]).toString();
    return `${head}\n[… ${left} bytes are left out here …]\n${tail}`;
  }
}
