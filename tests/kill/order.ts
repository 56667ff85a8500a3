/** What a process is told to do with its life. */
export type LifeOrder = {
  readonly dataDir: string;
  readonly port: number;
  /** The folder of this data directory in the books of the service. */
  readonly folder: string;
  /** Told apart from every other process of the same directory. */
  readonly life: string;
  /**
   * `work`: send and work until killed. `visit`: the same for a moment, then close. `finish`: send nothing
   * new, bring everything to its end, close.
   */
  readonly mode: "work" | "visit" | "finish";
  readonly acknowledgementsTo: string;
  readonly sessions: readonly { readonly key: string; readonly agent: string }[];
  /** Inputs sent before, to be sent again under their keys: some were acknowledged, some never answered. */
  readonly again: readonly { readonly session: string; readonly says: string }[];
  /** How far each session's events were seen. */
  readonly seen: Readonly<Record<string, number>>;
};
