import { HarnessError } from "../errors.js";
import { ForAll } from "./for-all.js";
import { readScenarioFile } from "./read.js";

/**
 * Cases of scenario files that say something of all requests: a property module of `fuzz`, which each of its threads loads.
 *
 * @throws {HarnessError} FILE_UNREADABLE; SCENARIO_INVALID for a file without any.
 */
export async function properties(files: readonly string[]): Promise<readonly ForAll[]> {
  const found: ForAll[] = [];
  for (const file of files) {
    const cases = (await readScenarioFile(file)).filter(({ forAll }) => forAll !== undefined);
    if (cases.length === 0) throw new HarnessError("SCENARIO_INVALID", `Cannot use ${file}: no case has forAll`);
    for (const { name, forAll, expect } of cases) found.push(new ForAll(name, forAll!, expect!));
  }
  return found;
}
