import { mkdirSync, writeFileSync } from "node:fs";
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
