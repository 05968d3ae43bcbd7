import { HarnessError } from "../errors.js";
import type { FuzzProgress, FuzzReport } from "../fuzz/fuzz.js";
import type { CoverageCounts } from "../vm/coverage.js";
import type { Command } from "./commands.js";
import { foreignText } from "./foreign-files.js";
import { UsageError } from "./errors.js";
import { lastOf, pluginInput, pluginOptions, repeated, text } from "./exchange-options.js";
import { commaListOf, listOf, numberArgument } from "./values.js";

export const fuzzCommand: Command = {
  name: "fuzz",
  usage: "fuzz <file>",
  summary: "look for requests that break a plugin, and shrink them to the smallest",
  positionals: { file: { describe: "the plugin, a .wasm file", type: "string", demandOption: true } },
  options: {
    ...pluginOptions,
    property: { ...repeated, describe: "check this property; may be repeated [those that hold for any sane filter]" },
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
    budget: { ...text, describe: "milliseconds the plugin may take for one case [500]" },
    replay: { ...text, describe: "SEED:PATH of a finding: play it again" },
    json: { type: "boolean", describe: "print events, one JSON object a line: progress, finding, summary" },
  },
  examples: ["$0 fuzz filter.wasm -c @config.json", "$0 fuzz filter.wasm --replay 1:17:0:3"],
  async run(args) {
    const file = String(args["file"]);
    const json = args["json"] === true;
    const number = (name: string, least: number, most: number): number | undefined =>
      args[name] === undefined ? undefined : numberArgument(`--${name}`, lastOf(args, name), least, most);
    const replay = replayArgument(lastOf(args, "replay"));
    const [seed, runs, time] = [number("seed", 0, 0x7fffffff), number("runs", 1, 1e9), number("time", 1, 86_400)];
    const [maxFailures, budgetMs] = [number("max-failures", 1, 1000), number("budget", 1, 60_000)];
    const minimize = lastOf(args, "minimize-corpus");
    if (minimize !== undefined) return minimizeCorpusOf(file, args, minimize, budgetMs, json);
    const corpus = lastOf(args, "corpus");
    const [{ fuzz }, { findingJson, findingText }] = await Promise.all([
      import("../fuzz/fuzz.js"),
      import("../fuzz/finding-text.js"),
    ]);
    const stop = new AbortController();
    const interrupt = (): void => stop.abort();
    process.once("SIGINT", interrupt);
    const live = !json && process.stderr.isTTY === true;
    const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
    let lastTold = 0;
    const tell = (progress: FuzzProgress): void => {
      if (progress.elapsedMs - lastTold < (json ? 1000 : 100)) return;
      lastTold = progress.elapsedMs;
      if (json) print({ event: "progress", ...progress });
      else if (live) process.stderr.write(`\r\u001b[K${progressText(progress)}`);
    };
    let report: FuzzReport;
    try {
      report = await fuzz({
        module: file,
        ...pluginInput(args),
        ...(args["property"] !== undefined && { property: listOf(args["property"]) }),
        stateful: args["stateful"] === true,
        coverage: args["coverage"] === true,
        ...(corpus !== undefined && { corpus }),
        faults: args["faults"] === true,
        ...(args["declared"] !== undefined && { declared: commaListOf(args["declared"]) }),
        ...(args["profiles"] !== undefined && { profiles: commaListOf(args["profiles"]) }),
        ...(seed !== undefined && { seed }),
        ...(runs !== undefined && { runs }),
        ...(time !== undefined && { timeMs: time * 1000 }),
        ...(maxFailures !== undefined && { maxFailures }),
        ...(budgetMs !== undefined && { budgetMs }),
        ...replay,
        onProgress: tell,
        signal: stop.signal,
      });
    } catch (thrown) {
      if (json && thrown instanceof HarnessError) {
        print({ event: "failed", code: thrown.code, message: thrown.message, details: thrown.details });
      }
      throw thrown;
    } finally {
      process.removeListener("SIGINT", interrupt);
      if (live) process.stderr.write("\r\u001b[K");
    }
    for (const one of report.foreignFiles ?? []) process.stderr.write(foreignText(one));
    for (const finding of report.findings) {
      if (json) print({ event: "finding", ...findingJson(finding) });
      else
        process.stdout.write(
          `${findingText(asGiven(process.argv.slice(process.argv.indexOf("fuzz") + 1)), finding)}\n\n`,
        );
    }
    if (json) print({ event: "summary", ...report, findings: report.findings.length });
    else process.stdout.write(`${summaryText(report)}\n`);
    return report.findings.length === 0 ? 0 : 1;
  },
};

/** Options with a value that a replay does not need: the path says what they lead to. */
const runOptions = /^--(seed|runs|time|max-failures|replay)$/;

/** The command as it was given, for a shell, without what only says how long to look. */
function asGiven(given: readonly string[]): string {
  const kept = given.filter(
    (one, i) => one !== "--json" && !runOptions.test(one.replace(/=.*/s, "")) && !runOptions.test(given[i - 1] ?? ""),
  );
  return kept.map((one) => (/^[\w@%+=:,./-]+$/.test(one) ? one : `'${one.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** `SEED:PATH` of a finding. */
function replayArgument(given: string | undefined): { seed: number; path: string } | undefined {
  if (given === undefined) return undefined;
  const found = /^(-?\d+):(s|c?\d+(?::\d+)*|g[\d@a-f+_.-]+(?::\d+)*)$/.exec(given);
  if (found === null) {
    throw new UsageError(
      `Cannot use --replay "${given}": it is SEED:PATH as a finding prints it, for example 1:17:0:3`,
    );
  }
  return { seed: Number(found[1]), path: found[2]! };
}

/** Minimizes instead of fuzzing. */
async function minimizeCorpusOf(
  file: string,
  args: Record<string, unknown>,
  corpus: string,
  budgetMs: number | undefined,
  json: boolean,
): Promise<number> {
  const { minimizeCorpus } = await import("../fuzz/corpus/minimize.js");
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  try {
    const { kept, removed, foreignFiles, coverage } = await minimizeCorpus({
      module: file,
      ...pluginInput(args),
      corpus,
      ...(budgetMs !== undefined && { budgetMs }),
      signal: stop.signal,
    });
    for (const one of foreignFiles) process.stderr.write(foreignText(one));
    process.stdout.write(
      json
        ? `${JSON.stringify({ event: "minimized", kept: kept.length, removed, foreignFiles, coverage })}\n`
        : `${kept.length} cases stay in ${corpus}, ${removed.length} removed; they reach ${coverageText(coverage)}\n`,
    );
    return 0;
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
}

function coverageText({ functions, edges }: CoverageCounts): string {
  return `${functions.reached} of ${functions.all} functions, ${edges.reached} of ${edges.all} edges`;
}

function progressText({ runs, findings, elapsedMs, coverage }: FuzzProgress): string {
  const rate = Math.round((runs / elapsedMs) * 1000);
  const reached = coverage === undefined ? "" : `, ${coverage.edges.reached} edges, corpus ${coverage.corpus}`;
  return `${runs} runs, ${rate} a second, ${findings} findings${reached}, ${(elapsedMs / 1000).toFixed(0)} s`;
}

function summaryText({ runs, findings, elapsedMs, spent, seed, ended, properties, coverage }: FuzzReport): string {
  const share = (ms: number): string => `${Math.round((ms / elapsedMs) * 100)} %`;
  const found = findings.length === 0 ? "no finding" : `${findings.length} finding${findings.length > 1 ? "s" : ""}`;
  return [
    `${found} in ${runs} runs (${spent.played} exchanges or sequences played), ${(elapsedMs / 1000).toFixed(1)} s, seed ${seed}, ended by ${ended}`,
    `time: plugin and proxy ${share(spent.playMs)}, restoring ${share(spent.restoreMs)}, generating, checking and shrinking ${share(spent.otherMs)}`,
    ...(coverage === undefined ? [] : [`reached: ${coverageText(coverage)}; ${coverage.corpus} cases in the corpus`]),
    `checked: ${properties.join(", ")}`,
  ].join("\n");
}
