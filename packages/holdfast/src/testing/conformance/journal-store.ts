import { COMMIT_CASES } from "./commit-cases.ts";
import type { ContractCase, StoreCapability, StoreSubject } from "./contract-case.ts";
import { DUTY_CASES } from "./duty-cases.ts";
import { READING_CASES } from "./reading-cases.ts";
import { SIGNAL_CASES } from "./signal-cases.ts";
import { UPKEEP_CASES } from "./upkeep-cases.ts";

export type JournalStoreSetup = {
  /** Opens a fresh, empty store. Its clock must be the manual one it answers with. */
  readonly open: () => Promise<StoreSubject>;
  /** What the store cannot do. Anything missing that is not named here fails. */
  readonly lacks?: readonly StoreCapability[];
};

/**
 * The contract of `JournalStore`, line by line, for any test runner.
 *
 * @example
 * for (const { promise, title, run } of journalStoreContract({ open })) it(`${promise}: ${title}`, run);
 */
export const journalStoreContract = ({ open, lacks = [] }: JournalStoreSetup): readonly ContractCase[] =>
  [...COMMIT_CASES, ...SIGNAL_CASES, ...READING_CASES, ...UPKEEP_CASES, ...DUTY_CASES]
    .filter(({ needs }) => needs === undefined || !lacks.includes(needs))
    .map(({ promise, title, run }) => ({
      promise,
      title,
      run: async () => {
        const subject = await open();
        try {
          await run(subject);
        } finally {
          await subject.dispose();
        }
      },
    }));
