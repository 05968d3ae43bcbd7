import { appendFileSync } from "node:fs";
import { setTimeout as turn } from "node:timers/promises";
import { whyUnreadable } from "../harness/source.js";
import { loadArgument } from "./bench-load.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import {
  exchangeInput,
  exchangeOptions,
  lastOf,
  pluginInput,
  pluginOptions,
  releaseInput,
  releaseOptions,
  repeated,
  text,
} from "./exchange-options.js";
import { checkPlaces, writeWhole } from "./output.js";
import { listOf, numberArgument } from "./values.js";

/** Those of `pwh run` but for trailers, which no measured exchange has. */
const { trailer: _, "response-trailer": __, ...requestOptions } = exchangeOptions;

export const benchCommand: Command = {
  name: "bench",
  usage: "bench <file>",
  summary: "measure what a plugin costs, and whether a change made it worse",
  positionals: { file: { describe: "the plugin, a .wasm file", type: "string", demandOption: true } },
  options: {
    ...pluginOptions,
    ...releaseOptions,
    ...requestOptions,
    against: { ...text, describe: "an older build: measured in turns with it, ratio with interval" },
    baseline: { ...text, describe: "compare with a file of --save-baseline" },
    "save-baseline": { ...text, describe: "write this run to a file, for --baseline" },
    load: {
      ...text,
      describe:
        "what to send, in turn: a .har, the requests of a scenario file, a corpus of pwh fuzz [the request of these options, or one GET with 9 headers]",
    },
    sweep: { ...repeated, describe: "send headers=1,10,50,100 more, or body=0,1024,65536, and tell what each adds" },
    threshold: { ...repeated, describe: "limit such as 'p(95)<50us', 'ratio<1.1', 'memory_slope==0'; may be repeated" },
    rounds: { ...text, describe: "rounds of measuring [40]" },
    "round-ms": { ...text, describe: "milliseconds of each round [20]" },
    streams: { ...text, describe: "streams in flight together [1]" },
    state: { ...text, choices: ["reused", "fresh"], describe: "of the VM at each exchange [reused]" },
    profile: { ...text, describe: "write a .cpuprofile of warm exchanges, with the guest's function names" },
    html: { ...text, describe: "write the report with its charts and a flame graph, as one page for a browser" },
    "trace-events": {
      ...text,
      describe: "write callbacks and hostcalls of warm exchanges as a Chrome trace, for Perfetto",
    },
    json: { type: "boolean", describe: "print the report as JSON (schema: proxy-wasm-harness/schemas/bench.json)" },
  },
  examples: ["$0 bench filter.wasm --against old.wasm --threshold 'ratio<1.1'"],
  async run(args) {
    const file = String(args["file"]);
    const number = (name: string, least: number, most: number): number | undefined =>
      args[name] === undefined ? undefined : numberArgument(`--${name}`, lastOf(args, name), least, most);
    const [rounds, roundMs, streams] = [
      number("rounds", 5, 10_000),
      number("round-ms", 1, 10_000),
      number("streams", 1, 10_000),
    ];
    const [envoy, against, baseline, save] = [
      releaseInput(args),
      lastOf(args, "against"),
      lastOf(args, "baseline"),
      lastOf(args, "save-baseline"),
    ];
    const stop = new AbortController();
    const interrupt = (): void => stop.abort();
    process.once("SIGINT", interrupt);
    const [{ bench }, { benchSummary, benchText }] = await Promise.all([
      import("../bench/bench.js"),
      import("../bench/bench-text.js"),
    ]);
    const profileFile = lastOf(args, "profile");
    const htmlFile = lastOf(args, "html");
    const traceFile = lastOf(args, "trace-events");
    const load = lastOf(args, "load");
    const summary = process.env["GITHUB_STEP_SUMMARY"] || undefined;
    checkPlaces([save, profileFile, htmlFile, traceFile, summary]);
    /** Work that heeds no signal ends by itself; what it found is not written when it was not wanted any more. */
    const goOn = async (): Promise<void> => {
      await turn(1); // a signal is heard between turns only
      if (stop.signal.aborted) throw new UsageError("Stopped before the measurement was complete");
    };
    try {
      const given = Object.keys(requestOptions).find((name) => args[name] !== undefined);
      if (given !== undefined && load !== undefined) {
        throw new UsageError(`Cannot use --${given} with --load: the file has its own requests`);
      }
      const { exchangeOf } = await import("../bench/load.js");
      const { response, ...request } = exchangeInput(args);
      const asked = given === undefined ? undefined : [exchangeOf(request, response)];
      const exchanges = load === undefined ? asked : await loadArgument(load);
      const result = await bench(file, {
        ...pluginInput(args),
        ...(envoy !== undefined && { envoy }),
        ...(against !== undefined && { against }),
        ...(baseline !== undefined && { baseline }),
        ...(rounds !== undefined && { rounds }),
        ...(roundMs !== undefined && { roundMs }),
        ...(streams !== undefined && { streams }),
        ...(args["state"] !== undefined && { state: lastOf(args, "state") as "reused" | "fresh" }),
        ...(exchanges !== undefined && { exchanges }),
        sweeps: listOf(args["sweep"]),
        thresholds: listOf(args["threshold"]),
        signal: stop.signal,
      });
      await goOn();
      const { report } = result;
      if (save !== undefined) writeWhole(save, `${JSON.stringify(result.baseline)}\n`);
      const plugin = { ...pluginInput(args), ...(envoy !== undefined && { envoy }) };
      if (profileFile !== undefined || htmlFile !== undefined) {
        const { profile } = await import("../bench/profile.js");
        const found = await profile(file, plugin, exchanges);
        await goOn();
        if (profileFile !== undefined) writeWhole(profileFile, found);
        if (htmlFile !== undefined) {
          const { benchHtml } = await import("../bench/bench-html.js");
          writeWhole(htmlFile, benchHtml(result, found));
        }
      }
      if (traceFile !== undefined) {
        const { traceEvents } = await import("../bench/trace-events.js");
        writeWhole(traceFile, await traceEvents(file, plugin, exchanges));
      }
      process.stdout.write(args["json"] === true ? `${JSON.stringify(report)}\n` : `${benchText(report)}\n`);
      if (summary !== undefined) appendTo(summary, benchSummary(report));
      return report.thresholds.some(({ verdict }) => verdict === "failed") ? 1 : 0;
    } finally {
      process.removeListener("SIGINT", interrupt);
    }
  },
};

function appendTo(file: string, content: string): void {
  try {
    appendFileSync(file, content);
  } catch (thrown) {
    throw new UsageError(`Cannot write ${file}: ${whyUnreadable(thrown)}`);
  }
}
