import type { ContractCase } from "./contract-case.ts";
import type { MemoryCapability, MemorySubject } from "./memory-case.ts";
import { MEMORY_ERASE_CASES } from "./memory-erase-cases.ts";
import { MEMORY_HOSTILE_CASES } from "./memory-hostile-cases.ts";
import { MEMORY_SEARCH_CASES } from "./memory-search-cases.ts";
import { MEMORY_WRITE_CASES } from "./memory-write-cases.ts";

export type MemoryStoreSetup = {
  /** Opens a fresh, empty memory, without an embedding model. */
  readonly open: () => Promise<MemorySubject>;
  /** What it cannot do. Anything missing that is not named here fails. */
  readonly lacks?: readonly MemoryCapability[];
};

/**
 * The contract of `MemoryStore`, line by line, for any test runner.
 *
 * @example
 * for (const { promise, title, run } of memoryStoreContract({ open })) it(`${promise}: ${title}`, run);
 */
export const memoryStoreContract = ({ open, lacks = [] }: MemoryStoreSetup): readonly ContractCase[] =>
  [...MEMORY_WRITE_CASES, ...MEMORY_SEARCH_CASES, ...MEMORY_ERASE_CASES, ...MEMORY_HOSTILE_CASES]
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
