import type { HarnessError } from "../errors.js";
import type { MessageReport, RunReport } from "../harness/run-report.js";
import type { TraceEvent } from "../host/trace.js";
import { formatEvent } from "../host/trace.js";
import { utf8Text } from "./text.js";

/** A body in JSON: text when it is UTF-8, else base64. */
function body(bytes: Uint8Array): { text: string } | { base64: string } {
  const text = utf8Text(bytes);
  return text === undefined ? { base64: Buffer.from(bytes).toString("base64") } : { text };
}

function message(one: MessageReport | undefined) {
  if (one === undefined) return null;
  const { headers, fromPlugin, trailers, complete } = one;
  return { headers, ...(fromPlugin && { fromPlugin }), body: body(one.body), trailers, complete };
}

/** An event as JSON; a line of the log is a hostcall like any other. */
function traceEvent(event: TraceEvent) {
  const text = formatEvent(event);
  if (event.kind !== "log") return { context: event.contextId, kind: event.kind, text };
  return { context: event.log.record(event.line)?.contextId ?? 0, kind: "hostcall", text };
}

/** What `pwh run --json` prints; `schemas/run.json` of the package describes it. */
export function runJson(file: string, report: RunReport, options: { readonly trace: boolean }) {
  const { plugin, failure, endFailure, timing } = report;
  const error = (one: HarnessError | undefined) =>
    one === undefined ? null : { code: one.code, message: one.message, details: one.details };
  return {
    schema: 1,
    module: {
      file,
      sha256: plugin.sha256,
      size: plugin.vm.module.info.size,
      abiVersion: plugin.abiVersion,
    },
    plugin: {
      name: plugin.root.settings.name,
      rootId: plugin.root.settings.rootId,
      vmId: plugin.vm.settings.vmId,
    },
    envoy: report.envoy,
    outcome: report.outcome,
    request: message(report.request),
    upstream: message(report.upstream),
    response: message(report.response),
    client: message(report.client),
    answeredBy: report.answeredBy ?? null,
    responseCodeDetails: report.responseCodeDetails ?? null,
    actions: report.actions,
    logs: report.logs.map((record) => ({
      level: record.levelName,
      source: record.source,
      context: record.contextId,
      message: record.message,
      line: record.line,
    })),
    logsDropped: report.logsDropped,
    calls: report.calls.map(({ body: bytes, sent, ...call }) => ({
      ...call,
      body: body(bytes),
      ...(sent && { sent: sent.map(body) }),
    })),
    metrics: report.metrics.map((metric) => ({
      type: ["counter", "gauge", "histogram"][metric.type],
      name: metric.name,
      ...(metric.type === 2 ? { samples: metric.samples.map(String) } : { value: String(metric.value) }),
    })),
    diagnostics: report.diagnostics,
    failure: error(failure),
    endFailure: error(endFailure),
    timing,
    ...(options.trace && {
      trace: report.trace.map(traceEvent),
    }),
  };
}
