/**
 * Writes text as it is read: white space is put together, blocks are set apart, and every line begins with the marks of the lists
 * and quotations it stands in.
 */
export class MarkdownWriter {
  readonly #chunks: string[] = [];
  /** Up to this place chunks were put together. */
  #joined = 0;
  /** Line breaks that are due before the next word. */
  #breaks = 0;
  #hasSpace = false;
  /** What the next word is led by, such as `- `; nothing is written of it when no word follows. */
  #lead = "";
  #prefix = "";
  #isVerbatim = false;

  /** Marks at the beginning of every new line, such as `> `. */
  set prefix(prefix: string) {
    this.#prefix = prefix;
  }

  /** Whether white space is kept as it is. */
  set isVerbatim(isVerbatim: boolean) {
    this.#isVerbatim = isVerbatim;
  }

  /** A place in what was written, for `takeFrom` and `between`. */
  get place(): number {
    return this.#chunks.length;
  }

  /** The next word stands `count` line breaks further down. */
  breakLine(count: 1 | 2): void {
    if (this.#lead !== "") return;
    this.#breaks = Math.max(this.#breaks, count);
    this.#hasSpace = false;
  }

  /** The next word stands on a line of its own, after this mark. */
  leadWith(mark: string, count: 1 | 2): void {
    this.#lead = "";
    this.breakLine(count);
    this.#lead = mark;
  }

  dropLead(): void {
    this.#lead = "";
  }

  text(text: string): void {
    if (this.#isVerbatim) {
      this.flush();
      // A page may be nothing but line breaks, which take several times as long to be replaced.
      this.put(this.#prefix === "" ? text : text.split("\n").join(`\n${this.#prefix}`));
      return;
    }
    const words = text.replaceAll(/\s+/g, " ");
    if (words.startsWith(" ")) this.#hasSpace = true;
    if (words.trim() === "") return;
    this.flush();
    this.put(words.trim());
    if (words.endsWith(" ")) this.#hasSpace = true;
  }

  /** Writes the breaks, marks and space that are due. */
  flush(): void {
    if (this.#breaks > 0 || this.#chunks.length === 0) {
      const breaks = this.#chunks.length === 0 ? 0 : this.#breaks;
      const emptyLine = breaks === 2 ? `\n${this.#prefix.trimEnd()}` : "";
      this.put((breaks > 0 ? `${emptyLine}\n` : "") + this.#prefix + this.#lead);
    } else if (this.#hasSpace) {
      this.put(" ");
    }
    this.#breaks = 0;
    this.#hasSpace = false;
    this.#lead = "";
  }

  /** Written at once, as it is. */
  put(text: string): void {
    if (text !== "") this.#chunks.push(text);
  }

  /** Puts together what was written since the last time, but for what stands before `from`. Places behind `from` are lost. */
  join(from: number): void {
    const start = Math.max(this.#joined, from);
    this.put(this.#chunks.splice(start).join(""));
    this.#joined = this.#chunks.length;
  }

  /** Takes back what was written since `place`. */
  takeFrom(place: number): string {
    return this.#chunks.splice(place).join("");
  }

  /** What was written between two places. */
  between(from: number, to: number): string {
    return this.#chunks.slice(from, to).join("").trim();
  }
}
