import type { Usage } from "../../core/usage.ts";
import type { PriceList } from "../../ports/model.ts";
import { checkPrice, priceOf, type ModelPrice } from "./own-price.ts";
import { PriceTable } from "./price-table.ts";
import { baseProvider } from "./provider-id.ts";

/** What a model can do, as far as it is known. */
export type ModelLimits = {
  /** Tokens of prompt and answer together; null when not known. */
  readonly contextTokens: number | null;
};

/** Prices and limits of models. */
export interface ModelPriceList extends PriceList {
  readonly limits: (provider: string, modelId: string) => ModelLimits;
}

/** Prices of your own, for models the table lacks or that you pay differently for. */
export type PriceListOptions = {
  /** By `"provider/model"`: `"openai/gpt-5"`, or `"openai.responses/gpt-5"` for one of its interfaces. */
  readonly own?: Readonly<Record<string, ModelPrice>>;
};

/**
 * Finds what model calls cost: your own prices first, then the public table. A price nobody knows is
 * null and never 0.
 *
 * @throws ConfigurationError OPTION_INVALID for a price that is not a number of dollars.
 */
export const createPriceList = ({ own = {} }: PriceListOptions = {}): ModelPriceList => {
  const table = new PriceTable();
  const prices = new Map(Object.entries(own).map(([model, price]) => [model, checkPrice(model, price)]));
  const findOwn = (provider: string, modelId: string): ModelPrice | undefined =>
    prices.get(`${provider}/${modelId}`) ?? prices.get(`${baseProvider(provider)}/${modelId}`);
  return {
    costUsd(provider: string, modelId: string, usage: Usage): number | null {
      const price = findOwn(provider, modelId);
      return price === undefined ? table.costUsd(provider, modelId, usage) : priceOf(price, usage);
    },
    limits: (provider, modelId) => ({ contextTokens: table.contextTokens(provider, modelId) }),
  };
};
