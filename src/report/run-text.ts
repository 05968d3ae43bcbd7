import type { Pair } from "../abi/pairs.js";
import type { MessageReport, RunReport } from "../harness/run-report.js";
import { formatEvent } from "../host/trace.js";
import { diffHeaders } from "./header-diff.js";
import type { Paint } from "./style.js";
import { bodyPreview, count, duration, escapeControls, printable } from "./text.js";

/** What `pwh run` prints: what came, what the plugin did to it, what it said, and what both sides finally get. */
export function runText(file: string, report: RunReport, paint: Paint, options: { readonly trace: boolean }): string {
  const out: string[] = [];
  const title = (text: string): void => void out.push("", paint("bold", text));
  const { plugin, request, upstream, response, client } = report;
  const { settings } = plugin.root;
  out.push(
    `${paint("bold", file)}  ${count(plugin.vm.module.info.size, "byte")}, ABI ${plugin.abiVersion}, plugin "${escapeControls(settings.name)}"` +
      `${settings.rootId && `, root id "${settings.rootId}"`}${plugin.vm.settings.vmId && `, VM id "${plugin.vm.settings.vmId}"`}`,
  );
  title(`> ${requestLine(request.headers)}`);
  out.push(...diff(request.headers, upstream?.fromPlugin ?? upstream?.headers, paint, "the upstream got nothing"));
  out.push(...byEnvoy(upstream, paint));
  out.push(...body("request body", request, upstream, paint), ...trailers(request, upstream, paint));
  if (client !== undefined) {
    const from = response?.headers ?? [];
    title(
      `< ${statusLine(client.headers)}${report.outcome === "local response" ? `  (made by ${report.answeredBy === "plugin" ? "the plugin" : "Envoy"})` : ""}`,
    );
    out.push(...diff(from, client.fromPlugin ?? client.headers, paint, ""), ...byEnvoy(client, paint));
    out.push(...body("response body", response, client, paint), ...trailers(response, client, paint));
  } else {
    title(
      `< ${report.outcome === "paused" ? "nothing: the plugin paused and nothing resumed it" : "nothing: the stream was cut off"}`,
    );
  }
  if (options.trace) {
    title("trace");
    for (const event of report.trace) {
      const indent = event.kind === "hostcall" || event.kind === "log" ? "    " : "  ";
      out.push(indent + escapeControls(formatEvent(event)));
    }
  }
  title("callbacks");
  for (const { callback, action } of report.actions) {
    const shown = action === "continue" ? paint("green", action) : paint("yellow", action);
    out.push(`  ${callback.padEnd(32)} ${shown}`);
  }
  title("log");
  if (report.logs.length === 0) out.push(paint("dim", "  nothing at this level"));
  for (const record of report.logs) {
    const level = `[${record.levelName}]`.padEnd(10);
    out.push(
      `  ${paint(levelColour(record.level), level)} ${escapeControls(record.line, "\n\t").replaceAll("\n", "\n             ")}`,
    );
  }
  if (report.logsDropped > 0) {
    const limit = "limits logRecords and logBytes";
    out.push(paint("yellow", `  ${count(report.logsDropped, "older line")} dropped: there were too many (${limit})`));
  }
  for (const call of report.calls) {
    const rpc = call.service === undefined ? "" : `, ${printable(call.service)}/${printable(call.method ?? "")}`;
    const state = call.state === "pending" ? "waited for an answer to the end" : call.state;
    title(`${callNames[call.kind]} to "${printable(call.upstream)}"${rpc}: ${state}`);
    out.push(...call.headers.map(([name, value]) => `    ${printable(name)}: ${printable(value)}`));
    if (call.body.length > 0) out.push(paint("dim", `  body: ${bodyPreview(call.body)}`));
    for (const message of call.sent ?? []) out.push(paint("dim", `  sent: ${bodyPreview(message)}`));
  }
  if (report.metrics.length > 0) {
    title("metrics");
    const kinds = ["counter", "gauge", "histogram"];
    for (const one of report.metrics) {
      const value = one.type === 2 ? `${one.samples.length} samples` : String(one.value);
      out.push(`  ${kinds[one.type]} ${printable(one.name)}: ${value}`);
    }
  }
  for (const { code, message, rule, source } of report.diagnostics) {
    out.push("", `${paint("yellow", "note:")} ${escapeControls(message)} (${code})`);
    out.push(paint("dim", `  ${rule} [${source}]`));
  }
  if (report.endFailure !== undefined) {
    out.push(
      "",
      `${paint("yellow", "note:")} when the plugin was ended: ${escapeControls(report.endFailure.message)}; Envoy logs this at shutdown`,
    );
  }
  out.push("", ...summary(report, paint));
  return out.join("\n");
}

function summary(report: RunReport, paint: Paint): string[] {
  const out: string[] = [];
  const { upstream, client, timing, failure } = report;
  const left = upstream === undefined ? "nothing" : requestLine(upstream.headers) + unfinished(upstream);
  const got = client === undefined ? "nothing" : statusLine(client.headers) + unfinished(client);
  out.push(
    `upstream gets  ${left}`,
    `client gets    ${got}${report.responseCodeDetails ? `  (${printable(report.responseCodeDetails)})` : ""}`,
  );
  const times = timing.exchangesUs.toSorted((a, b) => a - b);
  const middle = times[Math.floor(times.length / 2)]!;
  const each =
    times.length === 1
      ? duration(middle)
      : `${times.length} exchanges, median ${duration(middle)}, fastest ${duration(times[0]!)}`;
  out.push(`took           ${duration(timing.startMs * 1000)} to load and start, ${each} for the exchange`);
  if (failure !== undefined) {
    out.push(
      "",
      `${paint("red", "error:")} ${escapeControls(failure.message)}`,
      ...failure.details.map((line) => `  ${escapeControls(line)}`),
    );
  }
  return out;
}

const callNames = { http: "call", grpc: "gRPC call", "grpc-stream": "gRPC stream" } as const;

const unfinished = (message: MessageReport): string => (message.complete ? "" : "  (incomplete)");

function requestLine(headers: readonly Pair[]): string {
  const get = (name: string): string => printable(headers.find(([one]) => one === name)?.[1] ?? "?");
  return `${get(":method")} ${get(":scheme")}://${get(":authority")}${get(":path")}`;
}

function statusLine(headers: readonly Pair[]): string {
  return printable(headers.find(([name]) => name === ":status")?.[1] ?? "?");
}

function diff(before: readonly Pair[], after: readonly Pair[] | undefined, paint: Paint, nothing: string): string[] {
  if (after === undefined) {
    return [
      ...before.map(([name, value]) => `    ${printable(name)}: ${printable(value)}`),
      paint("yellow", `  ${nothing}`),
    ];
  }
  return diffHeaders(before, after).map((line) => {
    const value = printable(line.value);
    switch (line.kind) {
      case "same":
        return `    ${printable(line.name)}: ${value}`;
      case "added":
        return paint("green", `  + ${printable(line.name)}: ${value}`);
      case "removed":
        return paint("red", `  - ${printable(line.name)}: ${value}`);
      case "replaced":
        return paint("yellow", `  ~ ${printable(line.name)}: ${printable(line.before)} -> ${value}`);
    }
  });
}

/** What Envoy did to the headers after the plugin. */
function byEnvoy(message: MessageReport | undefined, paint: Paint): string[] {
  if (message?.fromPlugin === undefined) return [];
  return diffHeaders(message.fromPlugin, message.headers)
    .filter(({ kind }) => kind !== "same")
    .map(({ kind, name, value }) => {
      const sign = kind === "removed" ? "-" : kind === "added" ? "+" : "~";
      return paint("dim", `  ${sign} ${printable(name)}: ${printable(value)}  (Envoy)`);
    });
}

function body(
  name: string,
  before: MessageReport | undefined,
  after: MessageReport | undefined,
  paint: Paint,
): string[] {
  const [from, to] = [before?.body, after?.body];
  if ((from?.length ?? 0) === 0 && (to?.length ?? 0) === 0) return [];
  const same = from !== undefined && to !== undefined && Buffer.compare(from, to) === 0;
  if (same || to === undefined) return [paint("dim", `  ${name}: ${bodyPreview(from!)}`)];
  const was = from === undefined || from.length === 0 ? [] : [paint("red", `  - ${name}: ${bodyPreview(from)}`)];
  return [...was, paint("green", `  + ${name}: ${bodyPreview(to)}`)];
}

function trailers(before: MessageReport | undefined, after: MessageReport | undefined, paint: Paint): string[] {
  const [from, to] = [before?.trailers ?? [], after?.trailers ?? []];
  if (from.length === 0 && to.length === 0) return [];
  return ["  trailers", ...diff(from, to, paint, "")];
}

function levelColour(level: number): "dim" | "cyan" | "yellow" | "red" {
  if (level < 2) return "dim";
  if (level === 2) return "cyan";
  return level === 3 ? "yellow" : "red";
}
