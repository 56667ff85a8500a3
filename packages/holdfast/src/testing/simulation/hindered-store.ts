import type { JournalStore } from "../../ports/journal-store.ts";
import type { Ledger } from "./ledger.ts";
import { noticedLate, type NoticeParts } from "./late-notices.ts";
import { misread } from "./misread.ts";
import { slowOpening, type Opening } from "./slow-opening.ts";

/** A process's way to the store, with everything on it that hinders what is read and heard. */
export const hindered = (
  parts: Opening & NoticeParts & { readonly ledger: Ledger },
  store: JournalStore,
): JournalStore => noticedLate(parts, slowOpening(parts, misread(parts, store)));
