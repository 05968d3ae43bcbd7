import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { concat } from "../abi/bytes.js";
import { limits } from "../abi/limits.js";
import { HarnessError, messageOf, named } from "../errors.js";
import type { Coverage } from "../vm/coverage.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import { loadModule, loadWithCounters } from "../vm/loaded-module.js";

/** A module: the path or file URL of a `.wasm`, or its bytes. */
export type ModuleSource = string | URL | Uint8Array;

/**
 * Reads a file that the caller named.
 *
 * @throws {HarnessError} FILE_UNREADABLE
 */
export async function readNamedFile(path: string | URL): Promise<Uint8Array> {
  const name = nameOf(path);
  try {
    const pieces: Uint8Array[] = [];
    let size = 0;
    // in pieces, since what was named may be a pipe, or a device without an end
    for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      pieces.push(piece as Uint8Array);
      size += (piece as Uint8Array).length;
      if (size > limits.fileBytes) {
        throw new HarnessError(
          "FILE_UNREADABLE",
          `Cannot read ${name}: it has more than ${limits.fileBytes} bytes (fileBytes)`,
        );
      }
    }
    return pieces.length === 1 ? pieces[0]! : concat(pieces);
  } catch (thrown) {
    if (thrown instanceof HarnessError) throw thrown;
    throw new HarnessError("FILE_UNREADABLE", `Cannot read ${name}: ${whyUnreadable(thrown)}`, { cause: thrown });
  }
}

/** The path as a person wrote it. */
export function nameOf(path: string | URL): string {
  const isUrl = path instanceof URL || /^https?:\/\//.test(path);
  if (!isUrl) return path;
  const url = new URL(path);
  if (url.protocol === "file:") return fileURLToPath(url);
  url.username = url.password = "";
  throw new HarnessError(
    "FILE_UNREADABLE",
    `Cannot read ${url.href}: modules are read from files, not over ${url.protocol.slice(0, -1)}; download it first`,
  );
}

/** Why a file cannot be read, for the end of a message. */
export function whyUnreadable(thrown: unknown): string {
  switch ((thrown as { code?: string }).code) {
    case "ENOENT":
      return "there is no such file";
    case "EISDIR":
      return "it is a directory";
    case "EACCES":
      return "permission denied";
    default:
      return messageOf(thrown);
  }
}

/** Loads a module; errors name the file. With `coverage` it gets counters. */
export async function loadSource(source: ModuleSource, coverage?: Coverage): Promise<LoadedModule> {
  const load = (bytes: Uint8Array): Promise<LoadedModule> =>
    coverage === undefined ? loadModule(bytes) : loadWithCounters(bytes, coverage);
  if (source instanceof Uint8Array) return load(source);
  const bytes = await readNamedFile(source);
  return naming(source, () => load(bytes));
}

/** Lets errors about a module begin with its file. */
export async function naming<T>(source: ModuleSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw source instanceof Uint8Array ? thrown : named(thrown, nameOf(source));
  }
}

/** What a log calls a plugin that nobody named: the file's name without its ending. */
export function nameOfSource(source: ModuleSource): string {
  if (source instanceof Uint8Array) return "plugin";
  const path = source instanceof URL ? source.pathname : source;
  return path.replace(/^.*[/\\]/, "").replace(/\.wasm$/, "") || "plugin";
}
