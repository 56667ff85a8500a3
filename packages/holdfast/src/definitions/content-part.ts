import type { ProviderMetadata, UserPart } from "../core/message.ts";

/** A part of an input as a caller gives it. */
export type InputPart =
  | { readonly type: "text"; readonly text: string; readonly providerOptions?: ProviderMetadata }
  | {
      /** An image or any other file. */
      readonly type: "image" | "file";
      /** Bytes, or a URL that the provider fetches. */
      readonly data: Uint8Array | URL;
      /** IANA media type, for example `image/png`. */
      readonly mediaType: string;
      readonly filename?: string;
      readonly providerOptions?: ProviderMetadata;
    };

/** A part of a result as an author gives it: like an input's, or as the journal holds it. */
export type ContentPart = InputPart | UserPart;
