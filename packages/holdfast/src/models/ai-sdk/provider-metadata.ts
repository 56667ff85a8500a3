import type { SharedV4ProviderMetadata, SharedV4ProviderOptions } from "@ai-sdk/provider";
import type { ProviderMetadata } from "../../core/message.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { toJsonObject } from "./to-json.ts";

/** What a part carries besides its content, as journaled; undefined when there is nothing (M5). */
export const toProviderMetadata = (
  metadata: SharedV4ProviderMetadata | undefined,
): ProviderMetadata | undefined => {
  const copy = metadata === undefined ? undefined : toJsonObject(metadata);
  if (copy === undefined) return undefined;
  const entries = Object.entries(copy).filter((entry): entry is [string, JsonObject] =>
    isJsonObject(entry[1]),
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};

/** Later members win; a block's start, pieces and end each bring some. */
export const mergeMetadata = (
  earlier: ProviderMetadata | undefined,
  later: ProviderMetadata | undefined,
): ProviderMetadata | undefined => {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  const merged: Record<string, JsonObject> = { ...earlier };
  for (const [provider, members] of Object.entries(later)) {
    merged[provider] = { ...merged[provider], ...members };
  }
  return merged;
};

/** The member that sends metadata back; nothing when there is none. */
export const withOptions = (
  metadata: ProviderMetadata | undefined,
): { readonly providerOptions?: SharedV4ProviderOptions } =>
  metadata === undefined ? {} : { providerOptions: metadata as SharedV4ProviderOptions };

/** The member that journals metadata; nothing when there is none. */
export const withMetadata = (
  metadata: ProviderMetadata | undefined,
): { readonly providerMetadata?: ProviderMetadata } =>
  metadata === undefined ? {} : { providerMetadata: metadata };
