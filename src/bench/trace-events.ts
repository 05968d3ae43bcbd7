import type { PluginOptions } from "../harness/plugin.js";
import type { ModuleSource } from "../harness/source.js";
import type { TraceEvent } from "../host/trace.js";
import { formatEvent } from "../host/trace.js";
import type { CrossingKind } from "./crossings.js";
import { defaultExchange } from "./default-exchange.js";
import type { BenchExchange } from "./subject.js";
import { Subject } from "./subject.js";
import { warmUp } from "./warm-up.js";

/** A complete event of the Trace Event Format; times in microseconds. */
interface Span {
  readonly ph: "X";
  readonly pid: 1;
  readonly tid: 1;
  readonly name: string;
  readonly cat: CrossingKind | "exchange";
  readonly ts: number;
  readonly dur: number;
  readonly args?: Readonly<Record<string, string>>;
}

/**
 * Warm exchanges as Chrome's Trace Event Format: each exchange, its callbacks and their hostcalls with arguments and status.
 * The clock and the full trace lengthen them: by this one sees what follows what, not how long each takes elsewhere.
 *
 * @param times Exchanges that are traced; at least each of the load once.
 * @returns The text of a file for Perfetto (ui.perfetto.dev) or chrome://tracing.
 */
export async function traceEvents(
  source: ModuleSource,
  options: PluginOptions,
  exchanges: readonly BenchExchange[] = [defaultExchange],
  times = Math.max(10, exchanges.length),
): Promise<string> {
  const subject = await Subject.load(source, { budgetMs: 10_000, ...options }, exchanges, 1);
  const { plugin } = subject;
  const { process, trace } = plugin.vm;
  const state = plugin.snapshot();
  const spans: Span[] = [];
  let on = false;
  const note = (cat: Span["cat"], name: string, start: number, call?: string): void => {
    const [ts, dur] = [start * 1000, (performance.now() - start) * 1000];
    spans.push({ ph: "X", pid: 1, tid: 1, name, cat, ts, dur, ...(call !== undefined && { args: { call } }) });
  };
  process.tap = (kind, name, target) => {
    const call = target as (...args: unknown[]) => unknown;
    const traced = (...args: unknown[]): unknown => {
      if (!on) return call(...args);
      const start = performance.now();
      try {
        return call(...args);
      } finally {
        note(kind, name, start, kind === "callback" ? `${name}(${args.join(", ")})` : lastCall(trace.events, name));
      }
    };
    return traced as typeof target;
  };
  plugin.vm.replaceInstance();
  plugin.restore(state);
  try {
    on = true;
    trace.events = [];
    warmUp(subject, false, 25, 300, 1500); // as it is traced: tracing has to be compiled too
    subject.fresh();
    subject.forget();
    spans.length = 0;
    plugin.batch(() => {
      for (let i = 0; i < times; i++) {
        const start = performance.now();
        subject.exchange();
        note("exchange", `exchange ${i + 1}`, start);
        subject.forget();
      }
    });
  } finally {
    process.tap = undefined;
    subject.close();
  }
  const first = Math.min(...spans.map(({ ts }) => ts));
  const named = [
    { ph: "M", pid: 1, tid: 1, name: "process_name", args: { name: "pwh bench" } },
    { ph: "M", pid: 1, tid: 1, name: "thread_name", args: { name: "worker" } },
  ];
  const ordered = spans
    .map((span) => Object.assign({}, span, { ts: span.ts - first }))
    .sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  return `${JSON.stringify({ displayTimeUnit: "ns", traceEvents: [...named, ...ordered] })}\n`;
}

/** What the trace noted last, when that is this hostcall. */
function lastCall(events: readonly TraceEvent[] | undefined, name: string): string | undefined {
  const event = events?.at(-1);
  if (event?.kind === "log") return name === "proxy_log" ? formatEvent(event) : undefined;
  return event?.kind === "hostcall" && event.descriptor.name === name ? formatEvent(event) : undefined;
}
