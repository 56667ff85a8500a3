const MAX_NOTES = 20;
const MAX_CHARS = 500;

/** What happened beside what was asked for, until somebody is told: dialogs, new windows, files. */
export class PageNotes {
  #notes: string[] = [];
  #more = 0;

  add(note: string): void {
    if (this.#notes.length >= MAX_NOTES) this.#more += 1;
    else this.#notes.push(note.length > MAX_CHARS ? `${note.slice(0, MAX_CHARS)}…` : note);
  }

  /** The notes since the last time, once. */
  take(): readonly string[] {
    const notes = this.#more === 0 ? this.#notes : [...this.#notes, `And ${this.#more} notes more.`];
    this.#notes = [];
    this.#more = 0;
    return notes;
  }
}
