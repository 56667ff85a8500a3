const CONTROL = /[^\P{Cc}\n\t]/gu;
const COLOUR_OR_CONTROL = /(\p{Cc}\[[0-9;]*m)|[^\P{Cc}\n\t]/gu;

const ESCAPE = "\u001B";
const CARET_OFFSET = 64;
const DELETE = 0x7f;

const shown = (control: string): string => {
  if (control === "\r") return "";
  const code = control.charCodeAt(0);
  if (code >= DELETE) return code === DELETE ? "^?" : "�";
  return `^${String.fromCharCode(code + CARET_OFFSET)}`;
};

/**
 * The text with its control characters made visible (`^[` for escape), so that what models and tools
 * say is shown by a terminal and never obeyed.
 */
export const printable = (text: string): string => text.replaceAll(CONTROL, shown);

/** The same for text that we have coloured ourselves. */
export const printableColoured = (text: string): string =>
  text.replaceAll(COLOUR_OR_CONTROL, (found: string, colour: string | undefined) => {
    if (colour === undefined) return shown(found);
    return colour.startsWith(ESCAPE) ? colour : `${shown(colour.charAt(0))}${colour.slice(1)}`;
  });

/** The text on one line, no longer than `width`. */
export const oneLine = (text: string, width: number): string => {
  const flat = printable(text.slice(0, width * 4).replaceAll(/\s+/g, " ")).trim();
  return flat.length <= width ? flat : `${flat.slice(0, Math.max(0, width - 1))}…`;
};
