import { writeFileSync } from "node:fs";
import { didYouMean } from "../abi/nearest.js";
import { whyUnreadable } from "../harness/source.js";
import type { TestRun } from "../scenario/run-tests.js";
import { UsageError } from "./errors.js";
import { listOf } from "./values.js";

const reporters = ["pretty", "json", "junit", "tap", "github"] as const;
export type ReporterName = (typeof reporters)[number];
export const reportersText = reporters.join(", ");

/** A reporter, and where its report goes: a file, or standard output. */
export interface Report {
  readonly name: ReporterName;
  readonly file: string | undefined;
}

/** What `--reporter` and `--json` ask for. @throws {UsageError} For an unknown one, and for two on standard output. */
export function reportsOf(args: Record<string, unknown>): Report[] {
  const given = listOf(args["reporter"]).map((one): Report => {
    const [name, ...rest] = one.split("=");
    const file = rest.length > 0 ? rest.join("=") : undefined;
    if (!(reporters as readonly string[]).includes(name!)) {
      throw new UsageError(
        `Cannot use --reporter "${name}"${didYouMean(name!, reporters)}: reporters are ${reporters.join(", ")}`,
      );
    }
    if (file === "")
      throw new UsageError(`Cannot use --reporter ${one}: a file name is missing behind the equals sign`);
    return { name: name as ReporterName, file };
  });
  if (args["json"] === true) given.push({ name: "json", file: undefined });
  if (given.filter(({ file }) => file === undefined).length > 1) {
    throw new UsageError("Cannot print two reports: give all but one a file, as in --reporter junit=out.xml");
  }
  return given.length === 0 ? [{ name: "pretty", file: undefined }] : given;
}

export async function reportText(name: ReporterName, run: TestRun, title?: string): Promise<string> {
  switch (name) {
    case "pretty":
      return (await import("../report/tests/pretty.js")).prettyReport(run, (_, plain) => plain);
    case "json":
      return (await import("../report/tests/json.js")).jsonReport(run);
    case "junit":
      return (await import("../report/tests/junit.js")).junitReport(run, title);
    case "tap":
      return (await import("../report/tests/tap.js")).tapReport(run);
    case "github":
      return (await import("../report/tests/github.js")).githubReport(run);
  }
}

export function writeReport(file: string, report: string): void {
  try {
    writeFileSync(file, report);
  } catch (thrown) {
    throw new UsageError(`Cannot write the report to ${file}: ${whyUnreadable(thrown)}`);
  }
}
