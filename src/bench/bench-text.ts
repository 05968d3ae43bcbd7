import type { BenchReport, Comparison, Distribution } from "./report.js";
import type { Estimate } from "./statistics.js";
import type { ThresholdResult } from "./thresholds.js";

/** The report for a person. */
export function benchText(report: BenchReport): string {
  const { module, machine, load, warmUp, exchange, noise, counts, memory, cold } = report;
  const lines = [
    `${module.name}  ${module.sha256.slice(0, 12)}, ${module.size} bytes; Node ${machine.node}, V8 ${machine.v8}, ${machine.cpu}`,
    `load       ${load.exchanges} exchange${load.exchanges > 1 ? "s in turn" : ""}, ${load.streams} in flight${load.streams > 1 ? " (a sample is their mean)" : ""}, ${load.state} state`,
    `warm-up    ${warmUp.steady ? "steady" : "not steady"} after ${warmUp.exchanges} exchanges, ${warmUp.ms.toFixed(0)} ms (${us(warmUp.timeline[0]!)} → ${us(warmUp.timeline.at(-1)!)})`,
    "",
    `exchange   ${distributionText(exchange)}`,
    `  guest    ${range(report.guest, us)}   hostcalls ${range(report.host, us)}   (measured apart)`,
    `  stream   ${range(report.stream, us)} in the guest to create its context and to end it`,
    `  clock    ${us(report.clockUs)} an exchange for measuring these, taken off${report.clockUs > exchange.median.value / 2 ? ": with a filter this quick they tell little, as their intervals say" : ""}`,
    `  noise    constant workload ${us(noise.constantUs)} ± ${percent(noise.spread)}; an exchange is ${range(noise.toConstant, plain)} of it`,
    ...(noise.tooNoisy === undefined ? [] : [`  TOO NOISY to decide by: ${noise.tooNoisy}`]),
    "",
    `counts     ${plain(counts.hostcalls)} hostcalls, ${plain(counts.bytesCopied)} bytes copied, ${plain(counts.allocations)} allocations of ${plain(counts.allocatedBytes)} bytes for the host, ${plain(counts.logLines)} log lines of ${plain(counts.logBytes)} bytes`,
    `           ${ownText(report.ownAllocations)}`,
    `memory     ${memory.startBytes / 1024} KiB at the start, ${memory.endBytes / 1024} KiB after ${memory.exchanges} exchanges; ${growthText(memory.slope)}`,
    `cold       compile ${range(cold.compileMs, ms)}, VM start ${range(cold.vmStartMs, ms)}, configure ${range(cold.configureMs, ms)}, first exchange ${ms(cold.firstExchangeMs)}`,
    "",
    `${"".padEnd(38)}${"calls".padStart(7)}${"median".padStart(10)}${"95 % interval".padStart(22)}${"p99".padStart(10)}`,
    ...report.functions.map(
      (one) =>
        `${`${one.kind === "callback" ? "guest" : "host "} ${one.name}`.padEnd(38)}${plain(one.callsPerExchange).padStart(7)}${us(one.median.value).padStart(10)}${`${us(one.median.low)} … ${us(one.median.high)}`.padStart(22)}${us(one.percentiles["p99"]!.value).padStart(10)}`,
    ),
  ];
  for (const comparison of [report.against, report.baseline]) {
    if (comparison !== undefined) lines.push("", comparisonText(comparison));
  }
  for (const { over, points, each, fixed } of report.sweeps) {
    const unit = over === "headers" ? "header" : "byte";
    const ns = (value: number): string => `${(value * 1000).toPrecision(3)} ns`;
    lines.push("", `sweep      ${range(each, ns)} for each ${unit}, ${range(fixed, us)} without any`);
    for (const { value, us: time } of points) lines.push(`  ${over} ${String(value).padEnd(9)} ${range(time, us)}`);
  }
  if (report.thresholds.length > 0) lines.push("", ...report.thresholds.map(thresholdText));
  lines.push(
    "",
    "Times are CPU of this machine's Node in a hot loop. They are no latency in Envoy: a worker spends several times as much.",
  );
  return lines.join("\n");
}

/** The same as a table in Markdown, for the summary of a GitHub job. */
export function benchSummary(report: BenchReport): string {
  const rows: [string, string][] = [
    ["exchange, median", range(report.exchange.median, us)],
    ["exchange, p99", range(report.exchange.percentiles["p99"]!, us)],
    ["in the guest", range(report.guest, us)],
    ["in hostcalls", range(report.host, us)],
    ["hostcalls", plain(report.counts.hostcalls)],
    ["log bytes", plain(report.counts.logBytes)],
    ["memory", growthText(report.memory.slope)],
  ];
  for (const one of [report.against, report.baseline]) {
    if (one !== undefined)
      rows.push([`ratio to ${one.with.replaceAll("|", "\\|")}`, `${range(one.ratio, ratio)}: ${one.verdict}`]);
  }
  for (const one of report.thresholds) rows.push([`\`${one.threshold}\``, `${one.verdict}: ${interval(one.measured)}`]);
  const head = `### pwh bench: ${report.module.name}\n\n| | median (95 % interval) |\n|---|---|\n`;
  const noisy = report.noise.tooNoisy === undefined ? "" : `\nToo noisy to decide by: ${report.noise.tooNoisy}.\n`;
  return `${head}${rows.map(([name, value]) => `| ${name} | ${value} |\n`).join("")}${noisy}\nCPU of Node in a hot loop, no latency in Envoy.\n`;
}

function distributionText({ median, percentiles, max, samples }: Distribution): string {
  const tail = ["p90", "p99", "p99.9"].map((name) => `${name} ${range(percentiles[name]!, us)}`);
  return [`median ${range(median, us)}`, ...tail, `max ${us(max)}`, `${samples} samples`].join(", ");
}

function comparisonText({ with: other, ratio: found, verdict, note }: Comparison): string {
  return `against    ${other}: ratio ${range(found, ratio)}, ${verdict}${note === undefined ? "" : ` (${note})`}`;
}

function thresholdText({ threshold, verdict, measured }: ThresholdResult): string {
  const sign = { passed: "✓", failed: "✗", undecided: "?" }[verdict];
  const why = verdict === "undecided" ? "; the limit lies within the interval: more rounds, or a quieter machine" : "";
  return `${sign} ${threshold}: ${verdict}, ${interval(measured)}${why}`;
}

function ownText(own: BenchReport["ownAllocations"]): string {
  if (own === undefined)
    return "what the guest allocates by itself is not known: no function name tells which is its allocator, or it has no globals";
  const [first, ...others] = own.functions;
  return `${plain(own.calls)} allocations of ${plain(own.bytes)} bytes by the guest's own allocator (${first}${others.length > 0 ? " …" : ""})`;
}

function growthText(slope: Estimate): string {
  const grows = slope.low > 0 ? "grows" : "does not grow as far as can be told";
  return `${grows}: ${range(slope, (value) => plain(value))} bytes per exchange`;
}

const interval = ({ value, low, high }: Estimate): string =>
  low === high ? plain(value) : `${plain(value)} (${plain(low)} … ${plain(high)})`;
const range = ({ value, low, high }: Estimate, show: (value: number) => string): string =>
  `${show(value)} (${show(low)} … ${show(high)})`;
const us = (value: number): string =>
  value < 0.05 ? "< 0.05 µs" : value >= 1000 ? `${(value / 1000).toFixed(2)} ms` : `${value.toFixed(2)} µs`;
const ms = (value: number): string => (value < 1 ? `${(value * 1000).toFixed(0)} µs` : `${value.toFixed(2)} ms`);
const ratio = (value: number): string => value.toFixed(3);
const plain = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(4));
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
