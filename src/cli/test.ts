import type { Finished } from "../scenario/types.js";
import type { ReadOptions, RunTestsOptions, TestRun } from "../scenario/run-tests.js";
import { messageOf } from "../errors.js";
import { failureText, resultLine, summaryText } from "../report/tests/pretty.js";
import type { Paint } from "../report/style.js";
import { paintFor } from "../report/style.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import { lastOf, releaseInput, releaseOptions, repeated, text } from "./exchange-options.js";
import { sayNotRecorded } from "./not-recorded.js";
import type { WorkerSetup } from "./test-worker.js";
import { bytesArgument, commaListOf, listOf, numberArgument } from "./values.js";
import type { Report } from "./reports.js";
import { reportersText, reportsOf, reportText, writeReport } from "./reports.js";
import { suiteReader } from "./suite-reader.js";

export const testCommand: Command = {
  name: "test",
  usage: "test [files..]",
  summary: "run scenario files (*.pwh.yaml), and test suites of Google's service-extensions",
  positionals: { files: { describe: "files, directories or patterns [.]", type: "string", array: true } },
  options: {
    filter: { ...text, alias: "f", describe: "only tests whose name has this text, or matches /this/" },
    tag: { ...repeated, alias: "t", describe: "only tests with one of these tags; !tag: without it" },
    bail: { type: "boolean", describe: "stop after the first failure" },
    update: { type: "boolean", alias: "u", describe: "write snapshots as things are now" },
    watch: { type: "boolean", alias: "w", describe: "run again whenever a module, a configuration or a file changes" },
    reporter: {
      ...repeated,
      alias: "r",
      describe: `${reportersText}; with a file: junit=out.xml [pretty]`,
    },
    json: { type: "boolean", describe: "the same as --reporter json" },
    ...releaseOptions,
    jobs: { ...text, describe: "threads, each with plugins of its own: for slow ones [1]" },
    plugin: { ...text, describe: "the module of Google's suites (*.textpb, *.yaml) [what they name]" },
    config: { ...text, alias: "c", describe: "its configuration: text, @file, or @- [what they name]" },
    list: { type: "boolean", describe: "print the names of the tests, and run none" },
    attest: { ...text, describe: "write which modules and configurations passed, for pwh deploy" },
  },
  examples: [
    "$0 test tests/",
    "$0 test --reporter pretty --reporter junit=out.xml",
    "$0 test --tag smoke --watch",
    "$0 test suite.textpb --plugin filter.wasm -c @config.json",
    "$0 test tests/ --attest filter.wasm.attestation.json",
  ],
  async run(args) {
    const reports = reportsOf(args);
    const options = optionsOf(args);
    const envoy = releaseInput(args);
    const [plugin, config] = [lastOf(args, "plugin"), lastOf(args, "config")];
    const suites = {
      ...(plugin !== undefined && { plugin }),
      ...(config !== undefined && { configuration: bytesArgument("--config", config) }),
    };
    const update = args["update"] === true;
    const reading = { update, other: suiteReader(suites), ...(envoy !== undefined && { envoy }) };
    const jobs = args["jobs"] === undefined ? 1 : numberArgument("--jobs", lastOf(args, "jobs"), 1, 64);
    const threads = { jobs: update ? 1 : jobs, setup: { envoy, suites } };
    const { testFiles } = await import("../scenario/files.js");
    const given = listOf(args["files"]);
    const attest = attestFile(args);
    if (args["list"] === true) return list(testFiles(given), options, reading);
    if (args["watch"] !== true) return once(testFiles(given), reports, options, reading, threads, attest);
    const { watchTests } = await import("./test-watch.js");
    return watchTests(() => once(testFiles(given), reports, options, reading, threads), given, reading);
  },
};

/** @throws {UsageError} An attestation speaks of all tests, as they stand. */
function attestFile(args: Record<string, unknown>): string | undefined {
  const file = lastOf(args, "attest");
  if (file === undefined) return undefined;
  const other = ["filter", "tag", "update", "watch", "list"].find((one) => args[one] !== undefined);
  if (other !== undefined)
    throw new UsageError(`Cannot use --attest with --${other}: an attestation is of all tests, run once as they stand`);
  if (file === "") throw new UsageError("Cannot use --attest: a file name is missing");
  return file;
}

function optionsOf(args: Record<string, unknown>): RunTestsOptions {
  const filter = lastOf(args, "filter");
  const tags = commaListOf(args["tag"]);
  return {
    ...(filter !== undefined && { filter: filterOf(filter) }),
    ...(tags.length > 0 && { tags }),
    ...(args["bail"] === true && { bail: 1 }),
  };
}

function filterOf(given: string): RegExp {
  const [, source, flags] = /^\/(.+)\/([imsu]*)$/s.exec(given) ?? [];
  try {
    return source === undefined ? new RegExp(given.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : new RegExp(source, flags);
  } catch (thrown) {
    throw new UsageError(`Cannot use --filter ${given}: ${messageOf(thrown)}`);
  }
}

async function list(files: readonly string[], options: RunTestsOptions, reading: ReadOptions): Promise<number> {
  const { chosenTests, readAllTests } = await import("../scenario/run-tests.js");
  const read = await readAllTests(files, { ...reading, update: false }); // --list writes nothing
  for (const { name, where, tags } of chosenTests(read, options)) {
    process.stdout.write(`${where.file}:${where.line}  ${name}${tags.length > 0 ? `  (${tags.join(", ")})` : ""}\n`);
  }
  for (const file of read) file.close();
  return 0;
}

/** On how many threads tests run, and what those have to know. */
interface ThreadOptions {
  readonly jobs: number;
  readonly setup: WorkerSetup;
}

/** One run of everything. @returns The exit code. */
async function once(
  files: readonly string[],
  reports: readonly Report[],
  options: RunTestsOptions,
  reading: ReadOptions,
  threads: ThreadOptions,
  attest?: string,
): Promise<number> {
  const { chosenTests, readAllTests, runTests } = await import("../scenario/run-tests.js");
  const read = await readAllTests(files, reading);
  await sayNotRecorded(read.flatMap(({ tests }) => tests.map(({ envoy }) => envoy)));
  const paint = paintFor(process.stdout);
  const isPretty = reports.some(({ name, file }) => name === "pretty" && file === undefined);
  const show = isPretty ? new Progress(paint) : undefined;
  const chosen = chosenTests(read, options);
  const attesting =
    attest === undefined ? undefined : await (await import("./test-attest.js")).attesting(attest, chosen);
  const jobs = Math.min(threads.jobs, chosen.length);
  const pool =
    jobs > 1
      ? new (await import("./test-threads.js")).TestThreads(jobs, threads.setup, read, new Set(chosen))
      : undefined;
  let run: TestRun;
  try {
    run = await runTests(read, {
      ...options,
      ...(pool && { elsewhere: (test) => pool.result(test) }),
      finished: (one, done, all) => show?.result(one, done, all),
    });
  } finally {
    await pool?.close();
  }
  show?.end(run);
  for (const { name, file } of reports) {
    if (name === "pretty" && file === undefined) continue;
    const report = await reportText(name, run);
    if (file === undefined) process.stdout.write(report);
    else writeReport(file, report);
  }
  await attesting?.(run);
  return run.finished.some(({ result }) => result.outcome === "failed") ? 1 : 0;
}

/** What a person sees while tests run: on a terminal how far it is, and failures as they come. */
class Progress {
  private readonly _paint: Paint;
  private readonly _isTerminal = process.stdout.isTTY === true;
  private _shownMs = 0;

  constructor(paint: Paint) {
    this._paint = paint;
  }

  result(one: Finished, done: number, all: number): void {
    if (one.result.outcome === "failed") this._write(`${failureText(one, this._paint)}\n\n`);
    else if (all <= listed) this._write(`${resultLine(one, this._paint)}\n`);
    if (!this._isTerminal || performance.now() - this._shownMs < everyMs) return;
    this._shownMs = performance.now();
    process.stdout.write(`\r\u001b[K${this._paint("dim", `${done} of ${all}`)}`);
  }

  end(run: TestRun): void {
    this._write(`\n${summaryText(run, this._paint)}\n`);
  }

  private _write(lines: string): void {
    process.stdout.write(this._isTerminal ? `\r\u001b[K${lines}` : lines);
  }
}
const everyMs = 50;
/** So many tests that passed are shown by name. */
const listed = 50;
