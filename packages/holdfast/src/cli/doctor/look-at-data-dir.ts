import { toFailure, type Failure } from "../../core/index.ts";
import type { Damage } from "../../ports/index.ts";
import { createSystemClock } from "../../runtime/index.ts";
import { createSqliteStore, type DataDirReport, inspectDataDir } from "../../stores/index.ts";

/** How old a settled session is when its content is worth expiring. */
export const RETENTION_DAYS = 30;
const DAY_MS = 86_400_000;

/** What there is to say about a data directory; `failure` when it could not be opened. */
export type DataDirFindings = {
  readonly report: DataDirReport | null;
  readonly damages: readonly Damage[];
  readonly failure: Failure | null;
};

/** Looks first without touching anything, then reads and verifies everything. */
export const lookAtDataDir = async (dataDir: string): Promise<DataDirFindings> => {
  const clock = createSystemClock();
  const found = { report: null as DataDirReport | null };
  try {
    const report = inspectDataDir(dataDir, clock.now() - RETENTION_DAYS * DAY_MS);
    found.report = report;
    if (!report.isOurs || report.format !== report.supportedFormat) {
      return { report, damages: [], failure: null };
    }
    const store = await createSqliteStore({ dataDir, clock });
    try {
      return { report, damages: await store.check(), failure: null };
    } finally {
      await store.close();
    }
  } catch (error) {
    return { report: found.report, damages: [], failure: toFailure(error) };
  }
};
