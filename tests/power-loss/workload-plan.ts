/** What a traced process is to do. */
export type WorkloadPlan = {
  readonly sessions: number;
  readonly inputs: number;
  readonly turns: number;
  readonly argumentChars: number;
  /** Bytes of files that go with inputs, one after another. */
  readonly files: readonly number[];
  /** Erases part of the first session and all of the last. */
  readonly erase: boolean;
  readonly durability: "full" | "relaxed";
  /** Only goes on with what is there. */
  readonly resumeOnly: boolean;
  readonly giveUpAfterMs: number;
};
