/**
 * Files that a tool saves with its result. Contract:
 *
 * A1  A file is stored in the commit that records the call's result, and not before: what an attempt saved that failed, was lost,
 *     came too late or suspended itself is not there. The same bytes are stored once in a session.
 * A2  A file is named by its content: `digest` is that of the bytes, which never change.
 * A3  It is kept as long as the content of its session, and gone with it when that is erased.
 * A4  A file that holds a secret is refused, as far as that can be seen (O2).
 */
export interface Artifacts {
  /**
   * Takes the bytes as they are now. Within one call a name stands for the file that was saved last under it.
   *
   * @throws HoldfastError `ARTIFACT_INVALID` or `ARTIFACT_TOO_LARGE`, and nothing is saved.
   */
  save(file: NewArtifact): Promise<SavedArtifact>;
}

export type NewArtifact = {
  /** A file's name, without a folder: 1 to 200 characters. */
  readonly name: string;
  /** IANA media type, for example `application/pdf`. */
  readonly mediaType: string;
} & (
  | { readonly content: string | Uint8Array }
  /** A file of the session's workspace, read now. */
  | { readonly path: string }
);

/** What says where the bytes are; fit for the journal. */
export type SavedArtifact = {
  readonly name: string;
  readonly mediaType: string;
  /** How many. */
  readonly bytes: number;
  /** SHA-256 of the bytes, base64url. */
  readonly digest: string;
};
