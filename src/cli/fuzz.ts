import { HarnessError } from "../errors.js";
import type { FuzzProgress, FuzzReport } from "../fuzz/fuzz.js";
import type { Hints } from "../fuzz/generate/vocabulary.js";
import { mostShards } from "../fuzz/shard.js";
import type { Command } from "./commands.js";
import { foreignText } from "./foreign-files.js";
import { UsageError } from "./errors.js";
import { shardsOptions } from "./fuzz-shards.js";
import { asGiven, progressText, summaryText } from "./fuzz-text.js";
import { reportersText, reportsOf, reportText, writeReport } from "./reports.js";
import { lastOf, pluginInput, pluginOptions, repeated, text } from "./exchange-options.js";
import { bytesArgument, commaListOf, listOf, numberArgument } from "./values.js";

export const fuzzCommand: Command = {
  name: "fuzz",
  usage: "fuzz <file> [more..]",
  summary: "look for requests that break a plugin, and shrink them to the smallest",
  positionals: {
    file: { describe: "the plugin, a .wasm file; or merge, k8s, github", type: "string", demandOption: true },
    more: {
      describe: "merge: what shards were given as --share; k8s, github: the plugin",
      type: "string",
      array: true,
    },
  },
  options: {
    ...pluginOptions,
    property: { ...repeated, describe: "check this property; may be repeated [those that hold for any sane filter]" },
    properties: { ...repeated, describe: "a scenario file whose cases with forAll are checked besides" },
    body: {
      ...repeated,
      describe: "a file with a body that the plugin is meant to read; of JSON, others near it are made",
    },
    "body-schema": { ...repeated, describe: "a file with the JSON Schema of such bodies" },
    stateful: { type: "boolean", describe: "requests depend on those before them on purpose: leave out isolated" },
    faults: { type: "boolean", describe: "let hostcalls and the plugin's allocator fail in a third of the cases" },
    declared: { ...repeated, describe: "headers the plugin may change, a,b: no other may be (declared-headers-only)" },
    profiles: { ...repeated, describe: "releases of Envoy, 1.36,1.39: the outcome is the same (profiles-agree)" },
    seed: { ...text, describe: "seed of what is generated [1]" },
    runs: { ...text, describe: "cases to play [10000]" },
    time: { ...text, describe: "seconds after which to stop [20]" },
    "max-failures": { ...text, describe: "different causes after which to stop [5]" },
    coverage: { type: "boolean", describe: "follow coverage: keep what reaches new code, and change it further" },
    corpus: { ...text, describe: "directory of cases to begin with and to add to; follows coverage" },
    "minimize-corpus": { ...text, describe: "remove the cases of this directory that reach nothing of their own" },
    workers: { ...text, describe: "threads that share the runs among them [1]" },
    shard: { ...text, describe: "play the runs of one machine, 2/8; job/8: of the pod of a Kubernetes Indexed Job" },
    share: { ...text, describe: "directory or s3://bucket/prefix for the corpus and results of all shards" },
    output: { ...text, alias: "o", describe: "merge: a share that gets all results and cases; k8s, github: the file" },
    ...shardsOptions,
    budget: { ...text, describe: "milliseconds the plugin may take for one case [500]" },
    save: { ...text, describe: "write each finding into this directory as a scenario file, for pwh test" },
    replay: { ...text, describe: "SEED:PATH of a finding: play it again" },
    reporter: {
      ...repeated,
      alias: "r",
      describe: `${reportersText}; each property is a test; with a file: junit=out.xml [pretty]`,
    },
    json: { type: "boolean", describe: "print events, one JSON object a line: progress, finding, summary" },
  },
  examples: [
    "$0 fuzz filter.wasm -c @config.json",
    "$0 fuzz filter.wasm --replay 1:17:0:3",
    "$0 fuzz filter.wasm --coverage --shard 2/8 --share /mnt/share --workers 4",
    "$0 fuzz merge /mnt/share",
    "$0 fuzz k8s filter.wasm -c @config.json --shards 8 --image example.com/pwh --share-claim fuzz -o job.yaml",
  ],
  async run(args) {
    const file = String(args["file"]);
    const more = ((args["more"] as unknown[] | undefined) ?? []).map(String);
    const reports = reportsOf(args);
    const printed = reports.find((one) => one.file === undefined)?.name ?? "pretty";
    const json = printed === "json";
    const output = lastOf(args, "output");
    if (file === "merge") {
      const { mergeFuzzShards } = await import("./fuzz-merge.js");
      return mergeFuzzShards(more, { json, output });
    }
    if (file === "k8s" || file === "github") {
      const { writeFuzzShards } = await import("./fuzz-shards.js");
      return writeFuzzShards(file, more, args, fuzzCommand.options);
    }
    const foreign = Object.keys(shardsOptions).find((name) => args[name] !== undefined);
    if (foreign !== undefined)
      throw new UsageError(`Cannot use --${foreign} here: it is for pwh fuzz k8s or pwh fuzz github`);
    if (more.length > 0)
      throw new UsageError(
        `Unexpected argument "${more[0]}": pwh fuzz <file>, or pwh fuzz merge <shares..>, pwh fuzz k8s <file>, pwh fuzz github <file>`,
      );
    if (output !== undefined)
      throw new UsageError("Cannot use --output here: it is for pwh fuzz merge, k8s and github");
    const number = (name: string, least: number, most: number): number | undefined =>
      args[name] === undefined ? undefined : numberArgument(`--${name}`, lastOf(args, name), least, most);
    const replay = replayArgument(lastOf(args, "replay"));
    const [seed, runs, time] = [number("seed", 0, 0x7fffffff), number("runs", 1, 1e9), number("time", 1, 86_400)];
    const [maxFailures, budgetMs] = [number("max-failures", 1, 1000), number("budget", 1, 60_000)];
    const workers = number("workers", 1, 256);
    const minimize = lastOf(args, "minimize-corpus");
    if (minimize !== undefined) {
      const { minimizeCorpusOf } = await import("./fuzz-minimize.js");
      return minimizeCorpusOf(file, args, minimize, budgetMs, json);
    }
    const shard = shardArgument(lastOf(args, "shard"), process.env);
    const shareName = lastOf(args, "share");
    if (shareName !== undefined && lastOf(args, "corpus") !== undefined)
      throw new UsageError("Cannot use --corpus with --share: the share has the corpus");
    const [{ fuzz }, { findingJson, findingText }, { findingCaseText }, { sharing }] = await Promise.all([
      import("../fuzz/fuzz.js"),
      import("../fuzz/finding-text.js"),
      import("../scenario/save-finding.js"),
      import("./fuzz-share.js"),
    ]);
    const plugin = { module: file, ...pluginInput(args) };
    const saving = lastOf(args, "save");
    const { saveDirectory, saveFinding } = await import("./fuzz-save.js");
    if (saving !== undefined) saveDirectory(saving);
    const given = process.argv.slice(process.argv.indexOf("fuzz") + 1);
    const whole = asGiven(given);
    const share =
      shareName === undefined || replay !== undefined
        ? undefined
        : await sharing(
            shareName,
            { file, whole, options: asGiven(given.filter((one) => one !== file)) },
            { seed: seed ?? 1, shard },
          );
    const corpus = lastOf(args, "corpus") ?? (args["coverage"] === true ? share?.corpus : undefined);
    const stop = new AbortController();
    const interrupt = (): void => stop.abort();
    process.once("SIGINT", interrupt);
    process.once("SIGTERM", interrupt); // as Kubernetes ends a pod
    const live = !json && process.stderr.isTTY === true;
    const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
    let lastTold = 0;
    const tell = (progress: FuzzProgress): void => {
      share?.progress(progress);
      if (progress.elapsedMs - lastTold < (json ? 1000 : 100)) return;
      lastTold = progress.elapsedMs;
      if (json) print({ event: "progress", ...progress });
      else if (live) process.stderr.write(`\r\u001b[K${progressText(progress)}`);
    };
    const [declared, profiles] = (["declared", "profiles"] as const).map((name) =>
      args[name] === undefined ? undefined : commaListOf(args[name]),
    );
    const foundWith = {
      plugin,
      ...(budgetMs !== undefined && { budgetMs }),
      ...(declared && { declared }),
      ...(profiles && { profiles }),
    };
    const tellFailure = (thrown: unknown): void => {
      if (json && thrown instanceof HarnessError)
        print({ event: "failed", code: thrown.code, message: thrown.message, details: thrown.details });
    };
    /** What came of writing: thrown once all that was found is told. */
    const notWritten: unknown[] = [];
    let report: FuzzReport;
    try {
      report = await fuzz({
        ...plugin,
        ...(declared && { declared }),
        ...(profiles && { profiles }),
        ...(budgetMs !== undefined && { budgetMs }),
        ...(args["property"] !== undefined && { property: listOf(args["property"]) }),
        ...(args["properties"] !== undefined && {
          propertyModules: [{ url: scenarioProperties, given: listOf(args["properties"]) }],
        }),
        ...hintsOf(listOf(args["body"]), listOf(args["body-schema"])),
        stateful: args["stateful"] === true,
        coverage: args["coverage"] === true,
        ...(corpus !== undefined && { corpus }),
        faults: args["faults"] === true,
        ...(seed !== undefined && { seed }),
        ...(runs !== undefined && { runs }),
        ...(time !== undefined && { timeMs: time * 1000 }),
        ...(maxFailures !== undefined && { maxFailures }),
        ...(workers !== undefined && { workers }),
        ...(shard !== undefined && { shard }),
        ...replay,
        onProgress: tell,
        onFinding: (finding) => share?.found(finding),
        signal: stop.signal,
      });
      await share?.ended(report).catch((thrown: unknown) => notWritten.push(thrown));
    } catch (thrown) {
      tellFailure(thrown);
      throw thrown;
    } finally {
      process.removeListener("SIGINT", interrupt);
      process.removeListener("SIGTERM", interrupt);
      if (live) process.stderr.write("\r\u001b[K");
    }
    for (const one of report.foreignFiles ?? []) process.stderr.write(foreignText(one));
    for (const name of replay === undefined ? (report.unmatched ?? []) : [])
      process.stderr.write(`pwh: ${name}: no request matched in ${report.runs} runs\n`);
    for (const finding of report.findings) {
      const scenario = findingCaseText(finding, foundWith);
      let saved: string | undefined;
      let told = "";
      try {
        saved = saving === undefined ? undefined : saveFinding(saving, finding, foundWith);
        told = savedText(saving, saved);
      } catch (thrown) {
        notWritten.push(thrown);
      }
      if (json)
        print({ event: "finding", ...findingJson(finding), ...(scenario && { scenario }), ...(saved && { saved }) });
      else if (printed === "pretty") process.stdout.write(`${findingText(whole, finding, scenario)}${told}\n\n`);
    }
    const { reached: _, ...summary } = report;
    if (json) print({ event: "summary", ...summary, findings: report.findings.length });
    else if (printed === "pretty") process.stdout.write(`${summaryText(report)}\n`);
    const { fuzzTestRun } = await import("../report/fuzz-tests.js");
    for (const { name, file: to } of reports) {
      if (to === undefined && (json || name === "pretty")) continue; // told above, as it came
      const text = await reportText(name, fuzzTestRun(file, whole, report), "pwh fuzz");
      if (to === undefined) process.stdout.write(text);
      else writeReport(to, text);
    }
    if (notWritten.length > 0) {
      tellFailure(notWritten[0]);
      throw notWritten[0];
    }
    return report.findings.length === 0 ? 0 : 1;
  },
};

function savedText(saving: string | undefined, saved: string | undefined): string {
  if (saving === undefined) return "";
  return saved === undefined
    ? "\n  not saved: no scenario file holds such a finding; the line above plays it again"
    : `\n  saved: pwh test ${saved}`;
}

/** Makes properties of scenario files, in each thread of a run. */
const scenarioProperties = new URL("../scenario/property-files.js", import.meta.url).href;

/** `SEED:PATH` of a finding. */
function replayArgument(given: string | undefined): { seed: number; path: string } | undefined {
  if (given === undefined) return undefined;
  const found = /^(-?\d+):(s|[cli]?\d+(?::\d+)*|g[\d@a-f+_.-]+(?::\d+)*)$/.exec(given);
  if (found === null) {
    throw new UsageError(
      `Cannot use --replay "${given}": it is SEED:PATH as a finding prints it, for example 1:17:0:3`,
    );
  }
  return { seed: Number(found[1]), path: found[2]! };
}

/** `2/8`, or `job/8` with the completion index of a Kubernetes Indexed Job. */
function shardArgument(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): { index: number; of: number } | undefined {
  if (given === undefined) return undefined;
  const [, which, of] = /^(job|\d+)\/(\d+)$/.exec(given) ?? [];
  if (which === undefined)
    throw new UsageError(`Cannot use --shard "${given}": it is 2/8, or job/8 in a pod of an Indexed Job`);
  const index = which === "job" ? Number(env["JOB_COMPLETION_INDEX"] || Number.NaN) : Number(which) - 1;
  if (Number.isNaN(index))
    throw new UsageError(`Cannot use --shard ${given}: JOB_COMPLETION_INDEX is not in the environment`);
  if (Number(of) > mostShards)
    throw new UsageError(`Cannot use --shard ${given}: there are at most ${mostShards} shards`);
  if (index >= 0 && index < Number(of) && Number.isInteger(index)) return { index, of: Number(of) };
  throw new UsageError(
    `Cannot use --shard ${given}: ${which === "job" ? `JOB_COMPLETION_INDEX is ${index}` : `there is no shard ${which} of ${of}`}`,
  );
}

/** What bodies look like that the plugin is meant to read. */
function hintsOf(bodies: readonly string[], schemas: readonly string[]): { hints?: Hints } {
  if (bodies.length + schemas.length === 0) return {};
  const textOf = (option: string, file: string): string => new TextDecoder().decode(bytesArgument(option, `@${file}`));
  return {
    hints: {
      bodies: bodies.map((file) => textOf("--body", file)),
      schemas: schemas.map((file) => schemaIn(file, textOf("--body-schema", file))),
    },
  };
}

function schemaIn(file: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // told below
  }
  throw new UsageError(`Cannot use ${file} for --body-schema: it is no JSON object`);
}
