import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HarnessError, messageOf } from "../../errors.js";
import { whyUnreadable } from "../../harness/source.js";
import type { FuzzCase } from "../case.js";
import { caseFromJson, caseToJson } from "./case-json.js";

/** A case that reached code which none before it did. */
export interface CorpusEntry {
  /** Hex digits of the file's SHA-256: the same case has the same name everywhere. */
  readonly id: string;
  readonly case: FuzzCase;
  /** Bytes, written plainly. */
  readonly size: number;
}

/** As it stands in a directory, under whatever name. */
export interface CorpusFile extends CorpusEntry {
  readonly file: string;
}

/** A file that is none of a corpus, and is left as it is. */
export interface ForeignFile {
  readonly file: string;
  readonly reason: string;
}

/** Larger cases are not kept: a corpus is played again and again. In bytes. */
export const largestEntry = 64 * 1024;
const idLength = 16;

/** A case as it stands in a corpus; undefined for one that is too large. */
export function entryOf(given: FuzzCase): (CorpusEntry & { readonly text: string }) | undefined {
  const text = `${JSON.stringify(caseToJson(given))}\n`;
  const size = Buffer.byteLength(text);
  if (size > largestEntry) return undefined;
  const id = createHash("sha256").update(text).digest("hex").slice(0, idLength);
  return { id, case: given, size, text };
}

/**
 * Reads a corpus: a directory of JSON files, in the order of their names. One that does not exist is empty. What begins with a
 * dot is passed over.
 *
 * @throws {HarnessError} FILE_UNREADABLE for what is no directory, or may not be read.
 */
export async function readCorpus(
  directory: string,
): Promise<{ readonly entries: readonly CorpusFile[]; readonly foreign: readonly ForeignFile[] }> {
  const entries: CorpusFile[] = [];
  const foreign: ForeignFile[] = [];
  for (const name of await filesOf(directory)) {
    const file = join(directory, name);
    const read = await readEntry(file);
    if (typeof read === "string") foreign.push({ file, reason: read });
    else entries.push({ ...read, file });
  }
  return { entries, foreign };
}

async function filesOf(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((file) => !file.startsWith(".")).sort();
  } catch (thrown) {
    const { code } = thrown as { code?: string };
    if (code === "ENOENT") return [];
    const why = code === "ENOTDIR" ? "it is a file, not a directory" : whyUnreadable(thrown);
    throw new HarnessError("FILE_UNREADABLE", `Cannot read the corpus ${directory}: ${why}`, { cause: thrown });
  }
}

/** @returns Why it is none. */
async function readEntry(path: string): Promise<CorpusEntry | string> {
  if (!path.endsWith(".json")) return "its name does not end in .json";
  let value: unknown;
  try {
    const { size } = await stat(path);
    if (size > 4 * largestEntry) return `it has ${size} bytes, more than a case of a corpus`;
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (thrown) {
    return thrown instanceof SyntaxError ? `it is not JSON: ${messageOf(thrown)}` : whyUnreadable(thrown);
  }
  const given = caseFromJson(value);
  if (typeof given === "string") return given;
  return entryOf(given) ?? `it has more than ${largestEntry} bytes when written plainly`;
}

/**
 * Adds a case to a directory, which is made when there is none. Several processes may do so at the same time.
 *
 * @throws {HarnessError} FILE_UNREADABLE for a directory that cannot be written.
 */
export async function writeEntry(directory: string, given: FuzzCase): Promise<void> {
  const entry = entryOf(given);
  if (entry === undefined) return;
  const path = join(directory, `${entry.id}.json`);
  // under another name first: who reads meanwhile sees all of a file or nothing
  const unfinished = join(directory, `.${entry.id}.${process.pid}`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(unfinished, entry.text);
    await rename(unfinished, path);
  } catch (thrown) {
    throw new HarnessError("FILE_UNREADABLE", `Cannot write the corpus ${directory}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
