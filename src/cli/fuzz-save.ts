import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../fuzz/fuzz.js";
import { whyUnreadable } from "../harness/source.js";
import type { FoundWith } from "../scenario/save-finding.js";
import { findingFileName, findingScenario } from "../scenario/save-finding.js";
import { UsageError } from "./errors.js";
import { writeWhole } from "./output.js";

/** Makes the directory. @throws {UsageError} Where it cannot be. */
export function saveDirectory(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (thrown) {
    throw new UsageError(`Cannot make the directory ${directory}: ${whyUnreadable(thrown)}`);
  }
  return directory;
}

/**
 * Writes a finding as a scenario file; the one of the same cause is replaced.
 *
 * @returns Its path; undefined for a finding that no file can hold.
 * @throws {UsageError} Where it cannot be written.
 */
export function saveFinding(directory: string, finding: Finding, found: FoundWith): string | undefined {
  const file = join(directory, findingFileName(finding));
  const text = findingScenario(finding, found, file);
  if (text === undefined) return undefined;
  writeWhole(file, text);
  return file;
}
