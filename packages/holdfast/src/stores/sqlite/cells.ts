/**
 * How requests cross to the store's thread: flat cells and one run of bytes, because cloning thousands
 * of small objects and buffers a second costs the main thread more than everything else it does here.
 */
export type Cell = string | number | null;

export type Packed = { readonly cells: readonly Cell[]; readonly bytes: Uint8Array<ArrayBuffer> };

/** Collects cells and bytes in the order they will be read. */
export class CellWriter {
  readonly #cells: Cell[] = [];
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  get isEmpty(): boolean {
    return this.#cells.length === 0;
  }

  put(...cells: readonly Cell[]): void {
    for (const cell of cells) this.#cells.push(cell);
  }

  putBytes(bytes: Uint8Array | null): void {
    this.#cells.push(bytes === null ? -1 : bytes.length);
    if (bytes === null) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  finish(): Packed {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return { cells: this.#cells, bytes };
  }
}

/** Reads what a `CellWriter` wrote, in the same order. */
export class CellReader {
  readonly #cells: readonly Cell[];
  readonly #bytes: Uint8Array;
  #next = 0;
  #offset = 0;

  constructor({ cells, bytes }: Packed) {
    this.#cells = cells;
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#cells.length;
  }

  number(): number {
    return Number(this.#take());
  }

  text(): string {
    return String(this.#take());
  }

  maybeNumber(): number | null {
    const cell = this.#take();
    return cell === null ? null : Number(cell);
  }

  maybeText(): string | null {
    const cell = this.#take();
    return cell === null ? null : String(cell);
  }

  maybeBytes(): Uint8Array | null {
    const length = this.number();
    if (length < 0) return null;
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  bytes(): Uint8Array {
    return this.maybeBytes() ?? new Uint8Array(0);
  }

  #take(): Cell {
    const cell = this.#cells[this.#next];
    this.#next += 1;
    return cell ?? null;
  }
}

/** Writes a list with its length before it. */
export const putList = <Item>(
  writer: CellWriter,
  items: readonly Item[],
  put: (writer: CellWriter, item: Item) => void,
): void => {
  writer.put(items.length);
  for (const item of items) put(writer, item);
};

export const takeList = <Item>(reader: CellReader, take: (reader: CellReader) => Item): Item[] => {
  const count = reader.number();
  const items: Item[] = [];
  for (let index = 0; index < count; index += 1) items.push(take(reader));
  return items;
};
