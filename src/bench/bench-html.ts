import type { BenchResult } from "./bench.js";
import { benchText } from "./bench-text.js";
import { bars, escaped, fitted, histogram, ratios, timeline } from "./charts.js";
import { flameGraph } from "./flame.js";

const us = (value: number): string =>
  value >= 1000 ? `${(value / 1000).toPrecision(3)} ms` : `${value === 0 ? "0" : value.toPrecision(3)} µs`;

/**
 * The report as one page that needs nothing else: no script, no network.
 *
 * @param cpuprofile What `profile` gave, for the flame graph.
 */
export function benchHtml({ report, samples }: Pick<BenchResult, "report" | "samples">, cpuprofile?: string): string {
  const { module, exchange, warmUp, functions, sweeps } = report;
  const marks = (["p50", "p90", "p99"] as const).map((name) => [name, exchange.percentiles[name]!.value] as const);
  const sections: [title: string, content: string][] = [
    ["Distribution", histogram("Distribution of exchanges", samples.flat(), marks, us)],
    ["Time line", timeline("Medians over time", warmUp.timeline, report.rounds, us)],
  ];
  const costs = functions.map(({ name, kind, callsPerExchange, median }) => ({
    name,
    kind: kind === "callback" ? "guest" : "host",
    value: callsPerExchange * Math.max(0, median.value),
  }));
  if (costs.length > 0) {
    const legend =
      '<p><span class="key guest"></span>callbacks, in the guest <span class="key host"></span>hostcalls. Median time of one call, times calls per exchange.</p>';
    sections.push([
      "Cost of callbacks and hostcalls",
      legend + bars("Cost of each function", costs.slice(0, 30), (value) => (value < 0.05 ? "< 0.05 µs" : us(value))),
    ]);
  }
  const compared = [report.against, report.baseline].flatMap((one) =>
    one === undefined ? [] : [[`${one.with}: ${one.verdict}`, one.ratio] as const],
  );
  if (compared.length > 0) {
    sections.push([
      "Comparison",
      `<p>Time divided by that of the other; over 1 is slower.</p>${ratios("Ratios", compared)}`,
    ]);
  }
  for (const { over, points, each, fixed } of sweeps) {
    const label = over === "headers" ? "headers" : "bytes of body";
    const title = `Sweep over ${label}`;
    const line = { each: each.value, fixed: fixed.value };
    const adds = `<p>Each adds ${(each.value * 1000).toPrecision(3)} ns (${(each.low * 1000).toPrecision(3)} … ${(each.high * 1000).toPrecision(3)}).</p>`;
    sections.push([title, adds + fitted(title, label, points, line, us)]);
  }
  if (cpuprofile !== undefined) {
    const legend =
      '<p><span class="key guest"></span>the guest <span class="key host"></span>the host. Widths are shares of samples.</p>';
    sections.push(["Flame graph", legend + flameGraph(cpuprofile)]);
  }
  sections.push(["All numbers", `<pre>${escaped(benchText(report))}</pre>`]);
  const noisy = report.noise.tooNoisy;
  const body = sections.map(([title, content]) => `<section><h2>${escaped(title)}</h2>${content}</section>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>pwh bench: ${escaped(module.name)}</title><style>${style}</style></head><body>
<h1>${escaped(module.name)}</h1>
<p>An exchange takes <b>${us(exchange.median.value)}</b> (${us(exchange.median.low)} … ${us(exchange.median.high)}): CPU of this machine's Node in a hot loop, no latency in Envoy.</p>
${noisy === undefined ? "" : `<p class="noisy">Too noisy to decide by: ${escaped(noisy)}.</p>`}
${body.join("\n")}
</body></html>
`;
}

const style = `
:root{color-scheme:light dark;--back:#fff;--text:#1c1f24;--faint:#646b76;--line:#e3e6ea;--guest:#b4530a;--host:#2563a8;--mark:#b91c1c;--shade:#f2f4f7}
@media (prefers-color-scheme:dark){:root{--back:#15181d;--text:#e6e8eb;--faint:#9aa3af;--line:#2c323a;--guest:#e08a3c;--host:#5b9be0;--mark:#f87171;--shade:#1e232a}}
body{font:15px/1.5 system-ui,sans-serif;background:var(--back);color:var(--text);max-width:860px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .4rem}p{margin:.3rem 0 .8rem}
svg{width:100%;height:auto;display:block}text{font:11px system-ui,sans-serif;fill:var(--faint)}text.strong{fill:var(--text)}
text.on{fill:var(--back);font-size:11px}
.grid{stroke:var(--line)}.bar,.dot,.key{fill:var(--host);background:var(--host)}.guest{fill:var(--guest);background:var(--guest)}.host{fill:var(--host)}
.own{fill:none;stroke:var(--host);stroke-width:2}.other{fill:none;stroke:var(--faint);stroke-width:1.5}
.mark{stroke:var(--mark);stroke-dasharray:4 3}.whisker{stroke:var(--host);stroke-width:2}.shade{fill:var(--shade)}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .4em 0 .8em}.noisy{color:var(--mark);font-weight:600}
pre{font:12px/1.5 ui-monospace,monospace;overflow-x:auto;background:var(--shade);padding:1rem;border-radius:6px}
`;
