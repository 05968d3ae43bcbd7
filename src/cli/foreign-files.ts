import type { ForeignFile } from "../fuzz/corpus/corpus.js";

/** A line about a file in a corpus' directory that is none of the corpus. */
export const foreignText = ({ file, reason }: ForeignFile): string => `${file} is left alone: ${reason}\n`;
