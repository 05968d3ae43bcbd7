import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { whyUnreadable } from "../harness/source.js";
import { UsageError } from "./errors.js";

/** Writes a file that a person may have: an existing one only with `force`. */
export function writeNew(file: string, content: string, force: boolean): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { flag: force ? "w" : "wx" });
  } catch (thrown) {
    if ((thrown as { code?: string }).code === "EEXIST")
      throw new UsageError(`Cannot write ${file}: it is there already; --force replaces it`);
    throw new UsageError(`Cannot write ${file}: ${whyUnreadable(thrown)}`);
  }
}

/** Writes all of a file or nothing of it: one that is there keeps its mode, and a link to it stays one. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  const there = existsSync(file);
  const target = there ? realpathSync(file) : file;
  const part = `${target}.${process.pid}.part`;
  try {
    writeFileSync(part, content, { flag: "wx", ...(there && { mode: statSync(target).mode }) });
    renameSync(part, target);
  } catch (thrown) {
    rmSync(part, { force: true });
    throw new UsageError(`Cannot write ${file}: ${whyUnreadable(thrown)}`);
  }
}

/** Told before long work whose result would have no place. @throws {UsageError} */
export function checkPlaces(files: readonly (string | undefined)[]): void {
  for (const file of files) {
    if (file === undefined) continue;
    const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
    if (isFolder) throw new UsageError(`Cannot write ${file}: it is a folder`);
    try {
      accessSync(dirname(file), constants.W_OK);
    } catch (thrown) {
      throw new UsageError(`Cannot write ${file}: ${dirname(file)}: ${whyUnreadable(thrown)}`);
    }
  }
}
