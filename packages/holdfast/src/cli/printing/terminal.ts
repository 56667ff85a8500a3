import { styleText } from "node:util";
import { printableColoured } from "./printable.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Where a command writes: data to `out`, everything else to `err`. */
export type Terminal = {
  readonly out: Channel;
  readonly err: Channel;
};

export type Channel = {
  readonly isTty: boolean;
  /** Columns to fill; 80 where there is no terminal. */
  readonly columns: number;
  write(text: string): void;
  line(text?: string): void;
  /** As they are: not for a terminal. */
  bytes(content: Uint8Array): void;
  /** Colours on a terminal, plain text elsewhere and under NO_COLOR. */
  paint(style: Style, text: string): string;
};

type Stream = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number };

const DEFAULT_COLUMNS = 80;

const channel = (stream: Stream, env: NodeJS.ProcessEnv): Channel => {
  const isTty = stream.isTTY === true;
  const hasColours = isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const write = (text: string): void => {
    // Text of models and tools must not be able to drive the terminal.
    stream.write(isTty ? printableColoured(text) : text);
  };
  return {
    isTty,
    columns: stream.columns ?? DEFAULT_COLUMNS,
    write,
    bytes: (content) => void stream.write(content),
    line: (text = "") => write(`${text}\n`),
    paint: (style, text) => (hasColours ? styleText(style, text, { validateStream: false }) : text),
  };
};

export const createTerminal = (
  streams: { readonly stdout: Stream; readonly stderr: Stream },
  env: NodeJS.ProcessEnv,
): Terminal => ({ out: channel(streams.stdout, env), err: channel(streams.stderr, env) });
