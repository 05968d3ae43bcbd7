import { createHash } from "node:crypto";
import { HarnessError, messageOf } from "../../errors.js";
import type { FuzzCase } from "../case.js";
import { caseFromJson, caseToJson } from "./case-json.js";
import type { Store } from "./store.js";

/** A case that reached code which none before it did. */
export interface CorpusEntry {
  /** Hex digits of the file's SHA-256: the same case has the same name everywhere. */
  readonly id: string;
  readonly case: FuzzCase;
  /** Bytes, written plainly. */
  readonly size: number;
}

/** As it stands in a store, under whatever name. */
export interface CorpusFile extends CorpusEntry {
  /** As the store names it. */
  readonly name: string;
  /** As a person does. */
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
 * Reads a corpus: JSON files, in the order of their names. One that does not exist is empty.
 *
 * @param known Names that were read before, passed over; what is read is added.
 * @throws {HarnessError} FILE_UNREADABLE for what is no directory, or may not be read.
 */
export async function readCorpus(
  store: Store,
  known = new Set<string>(),
): Promise<{ readonly entries: readonly CorpusFile[]; readonly foreign: readonly ForeignFile[] }> {
  const entries: CorpusFile[] = [];
  const foreign: ForeignFile[] = [];
  for (const name of await store.list()) {
    if (known.has(name)) continue;
    known.add(name);
    const file = store.path(name);
    const read = await readEntry(store, name);
    if (typeof read === "string") foreign.push({ file, reason: read });
    else entries.push({ ...read, name, file });
  }
  return { entries, foreign };
}

/** @returns Why it is none. */
async function readEntry(store: Store, name: string): Promise<CorpusEntry | string> {
  if (!name.endsWith(".json")) return "its name does not end in .json";
  let value: unknown;
  try {
    const read = await store.read(name, 4 * largestEntry);
    if (typeof read === "number") return `it has ${read} bytes, more than a case of a corpus`;
    value = JSON.parse(read);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return `it is not JSON: ${messageOf(thrown)}`;
    if (thrown instanceof HarnessError) return thrown.message;
    throw thrown;
  }
  const given = caseFromJson(value);
  if (typeof given === "string") return given;
  return entryOf(given) ?? `it has more than ${largestEntry} bytes when written plainly`;
}

/**
 * Adds a case. Several processes may do so at the same time.
 *
 * @returns The name it has there; undefined for one that is too large.
 * @throws {HarnessError} FILE_UNREADABLE
 */
export async function writeEntry(store: Store, given: FuzzCase): Promise<string | undefined> {
  const entry = entryOf(given);
  if (entry === undefined) return undefined;
  const name = `${entry.id}.json`;
  await store.write(name, entry.text);
  return name;
}
