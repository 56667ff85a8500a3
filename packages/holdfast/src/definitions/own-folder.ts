/** Folder of the tools' own notes, in every workspace; file tools do not show it. */
export const OWN_FOLDER = ".holdfast";
