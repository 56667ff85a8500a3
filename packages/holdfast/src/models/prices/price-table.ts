import { createRequire } from "node:module";
import type * as GenaiPrices from "@pydantic/genai-prices";
import type { Usage } from "../../core/usage.ts";
import { priceTableId } from "./provider-id.ts";

/** Providers whose calls cost nothing and are in no table. */
const UNLISTED: ReadonlySet<string> = new Set(["scripted", "replay"]);

type Table = Pick<typeof GenaiPrices, "calcPrice" | "findProvider">;
type Calculation = NonNullable<ReturnType<Table["calcPrice"]>>;

/**
 * Public prices and limits of models, from `@pydantic/genai-prices`.
 * The table is half a megabyte: it is loaded when something is first asked of it, not on import.
 */
export class PriceTable {
  readonly #require = createRequire(import.meta.url);
  #table: Table | undefined;

  /** US dollars, or null where the table has no price. */
  costUsd(provider: string, modelId: string, usage: Usage): number | null {
    const found = this.#calculate(provider, modelId, usage);
    if (found === undefined || Object.keys(found.model_price).length === 0) return null;
    return Number.isFinite(found.total_price) ? found.total_price : null;
  }

  /** Tokens the model can read, or null where the table does not say. */
  contextTokens(provider: string, modelId: string): number | null {
    const usage = {
      inputTokens: 1,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 0,
      reasoningTokens: 0,
    };
    return this.#calculate(provider, modelId, usage)?.model.context_window ?? null;
  }

  #calculate(provider: string, modelId: string, usage: Usage): Calculation | undefined {
    if (UNLISTED.has(provider)) return undefined;
    this.#table ??= this.#require("@pydantic/genai-prices") as Table;
    const providerId = priceTableId(provider);
    // Without this the table would guess a provider from the model's name, and price a stranger's server as OpenAI.
    if (this.#table.findProvider({ providerId }) === undefined) return undefined;
    const { inputTokens, outputTokens } = usage;
    const cacheRead = Math.min(usage.cacheReadTokens, inputTokens);
    const counts = {
      input_tokens: inputTokens,
      cache_read_tokens: cacheRead,
      cache_write_tokens: Math.min(usage.cacheWriteTokens, inputTokens - cacheRead),
      output_tokens: outputTokens,
      output_reasoning_tokens: Math.min(usage.reasoningTokens, outputTokens),
    };
    try {
      return this.#table.calcPrice(counts, modelId, { providerId }) ?? undefined;
    } catch {
      return undefined;
    }
  }
}
