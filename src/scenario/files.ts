import { readdirSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { HarnessError } from "../errors.js";
import { whyUnreadable } from "../harness/source.js";

/** What a directory is searched for. */
export const scenarioFile = /\.pwh\.ya?ml$/;
const notSearched = /^(\.|node_modules$)/;

/**
 * The test files that arguments name: files as they are, directories searched for `*.pwh.yaml`, patterns with `*`, `**`, `?`.
 *
 * @returns Paths as seen from the working directory, each once.
 * @throws {HarnessError} FILE_UNREADABLE for what is not there; SCENARIO_INVALID for what matches nothing.
 */
export function testFiles(given: readonly string[]): string[] {
  const found = new Set<string>();
  for (const one of given.length === 0 ? ["."] : given) {
    const files = filesOf(one);
    if (files.length === 0) {
      const wanted = /[*?]/.test(one) ? "no file matches" : "there is no *.pwh.yaml in it";
      throw new HarnessError(
        "SCENARIO_INVALID",
        `Cannot test ${one}: ${wanted}; pwh init FILE.wasm writes a first one`,
      );
    }
    for (const file of files) found.add(relative(process.cwd(), file) || file);
  }
  return [...found];
}

function filesOf(given: string): string[] {
  try {
    if (!statSync(given).isDirectory()) return [given];
    return walk(given).filter((file) => scenarioFile.test(file));
  } catch (thrown) {
    if (/[*?]/.test(given)) return matching(given);
    throw new HarnessError("FILE_UNREADABLE", `Cannot read ${given}: ${whyUnreadable(thrown)}`, { cause: thrown });
  }
}

/** All files below a folder, in the order of their names. */
function walk(folder: string): string[] {
  const files: string[] = [];
  const inside = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const one of inside) {
    if (one.isDirectory() && !notSearched.test(one.name)) files.push(...walk(join(folder, one.name)));
    else if (one.isFile()) files.push(join(folder, one.name));
  }
  return files;
}

function matching(pattern: string): string[] {
  const whole = resolve(pattern).split(sep).join("/");
  const parts = whole.split("/");
  const fixed =
    parts
      .slice(
        0,
        parts.findIndex((part) => /[*?]/.test(part)),
      )
      .join("/") || "/";
  const source = whole.replace(/[.+^${}()|[\]\\]|\*\*\/|\*\*|\*|\?/g, (one) => wildcards[one] ?? `\\${one}`);
  const wanted = new RegExp(`^${source}$`);
  try {
    return walk(fixed).filter((file) => wanted.test(resolve(file).split(sep).join("/")));
  } catch (thrown) {
    throw new HarnessError("FILE_UNREADABLE", `Cannot read ${fixed}: ${whyUnreadable(thrown)}`, { cause: thrown });
  }
}

const wildcards: Readonly<Record<string, string>> = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };
